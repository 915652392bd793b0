/**
 * Searching, changing and walking the treap of gaps. Nothing here changes a node: a changed tree is
 * a new path over old branches. Nothing recurses either, because depth is a matter of luck and of
 * whoever chooses keys, and the engine's stack is not.
 */
import { Inner, isAbove, type Leaf, type Node, priorityOf, withChildren } from './node.ts';

type Descent = { readonly path: Inner[]; readonly leaf: Leaf };

/** Inner nodes from the root to the one leaf that has `key`, or the greatest key below it, or the least. */
export function descend(top: Node, key: string): Descent {
  const path: Inner[] = [];
  let node = top;
  while (node instanceof Inner) {
    path.push(node);
    node = key < node.key ? node.left : node.right;
  }
  return { path, leaf: node };
}

/** Copies the path, lowest first, so that `node` stands where the path led. */
export function relink(path: readonly Inner[], key: string, node: Node): Node {
  let top = node;
  for (let i = path.length - 1; i >= 0; i--) {
    const parent = path[i]!;
    top =
      key < parent.key
        ? withChildren(parent, top, parent.right)
        : withChildren(parent, parent.left, top);
  }
  return top;
}

/**
 * Puts `fresh` beside the leaf where the descent ended. The new gap is the one before the greater
 * of the two; it rises over every gap on the path that it outranks, which splits what was below.
 */
export function insert(path: Inner[], neighbour: Leaf, fresh: Leaf): Node {
  const isLast = fresh.key > neighbour.key;
  const gapKey = isLast ? fresh.key : neighbour.key;
  const priority = priorityOf(gapKey);
  let left: Node = isLast ? neighbour : fresh;
  let right: Node = isLast ? fresh : neighbour;
  let outranked = path.at(-1);
  while (outranked !== undefined && isAbove(priority, gapKey, outranked)) {
    if (fresh.key < outranked.key) right = withChildren(outranked, right, outranked.right);
    else left = withChildren(outranked, outranked.left, left);
    path.pop();
    outranked = path.at(-1);
  }
  return relink(path, fresh.key, new Inner(gapKey, priority, left, right));
}

/** Takes out the leaf at the end of the path, and with it the gap before it. */
export function remove(path: Inner[], key: string): Node {
  const gapAt = path.findIndex((node) => node.key === key);
  // Only the least key has no gap before it; the gap after it, its parent, goes instead.
  if (gapAt < 0) return relink(path.slice(0, -1), key, path.at(-1)!.right);
  const rightEdge: Inner[] = [];
  let node = path[gapAt]!.left;
  while (node instanceof Inner) {
    rightEdge.push(node);
    node = node.right;
  }
  return relink(path.slice(0, gapAt), key, zip(rightEdge, path.slice(gapAt + 1), node));
}

/** Joins what lay on both sides of a vanished gap: its two edges, lowest rank first, over `seam`. */
function zip(rightEdge: Inner[], leftEdge: Inner[], seam: Leaf): Node {
  let joined: Node = seam;
  while (rightEdge.length > 0 || leftEdge.length > 0) {
    const before = rightEdge.at(-1);
    const after = leftEdge.at(-1);
    if (after === undefined || (before && isAbove(after.priority, after.key, before))) {
      joined = withChildren(before!, before!.left, joined);
      rightEdge.pop();
    } else {
      joined = withChildren(after, joined, after.right);
      leftEdge.pop();
    }
  }
  return joined;
}

/** Leaves from the first key that is not below `from`. */
export function* ascending(top: Node, from: string): Generator<Leaf> {
  const later: Node[] = [];
  let node: Node | undefined = top;
  while (node !== undefined) {
    while (node instanceof Inner) {
      if (from < node.key) {
        later.push(node.right);
        node = node.left;
      } else {
        node = node.right;
      }
    }
    if (node.key >= from) yield node;
    node = later.pop();
  }
}

/** Leaves downwards from the last key below `to`. */
export function* descending(top: Node, to: string | undefined): Generator<Leaf> {
  const later: Node[] = [];
  let node: Node | undefined = top;
  while (node !== undefined) {
    while (node instanceof Inner) {
      if (to === undefined || node.key < to) {
        later.push(node.left);
        node = node.right;
      } else {
        node = node.left;
      }
    }
    if (to === undefined || node.key < to) yield node;
    node = later.pop();
  }
}
