/** ICS-23 proofs out of the proven tree (spec/proven-store.md, "Proofs"). */
import { fromBinaryString, writeBinaryString } from './binary-string.ts';
import type { CommitmentProof, ExistenceProof, InnerOp } from './messages.ts';
import { HASH_BYTES, hashOf, Inner, type Leaf, type Node, writeNodeHead } from './node.ts';
import { iavlFormat } from './proof-format.ts';

/** Room for three varints, both children with their length bytes, and to spare. */
const scratch = new Uint8Array(96);

/** The leaf's head never varies: height 0, size 1, version 1. */
const LEAF_PREFIX = scratch.slice(0, writeNodeHead(scratch, 0, 1));

/** Proves the value under `key`, or by its neighbours that there is none. */
export function proveInTree(top: Node, key: string): CommitmentProof {
  hashOf(top);
  const { at, next } = around(top, key);
  if (at.key === key) return { exist: existence(top, key) };
  const [before, after] = at.key < key ? [at, next] : [undefined, at];
  return {
    nonexist: {
      key: fromBinaryString(key),
      left: before && existence(top, before.key),
      right: after && existence(top, after.key),
    },
  };
}

/** Where a search for `key` ends, and the leaf that follows the place of `key`. */
function around(top: Node, key: string): { readonly at: Leaf; readonly next: Leaf | undefined } {
  let node = top;
  let following: Node | undefined;
  while (node instanceof Inner) {
    if (key < node.key) {
      following = node.right;
      node = node.left;
    } else {
      node = node.right;
    }
  }
  while (following instanceof Inner) following = following.left;
  return { at: node, next: following };
}

/** The proof of a key that is there; every hash on the way has been computed. */
function existence(top: Node, key: string): ExistenceProof {
  const path: InnerOp[] = [];
  let node = top;
  while (node instanceof Inner) {
    const goesLeft = key < node.key;
    path.push(goesLeft ? leftStep(node) : rightStep(node));
    node = goesLeft ? node.left : node.right;
  }
  return {
    key: fromBinaryString(node.key),
    value: fromBinaryString(node.value),
    leaf: { ...iavlFormat.spec.leafSpec, prefix: LEAF_PREFIX },
    path: path.reverse(),
  };
}

function leftStep(node: Inner): InnerOp {
  let end = writeNodeHead(scratch, node.height, node.size);
  scratch[end++] = HASH_BYTES;
  const suffix = new Uint8Array(1 + HASH_BYTES);
  suffix[0] = HASH_BYTES;
  writeBinaryString(suffix, 1, node.right.hash);
  return { hash: 'sha256', prefix: scratch.slice(0, end), suffix };
}

function rightStep(node: Inner): InnerOp {
  let end = writeNodeHead(scratch, node.height, node.size);
  scratch[end++] = HASH_BYTES;
  end = writeBinaryString(scratch, end, node.left.hash);
  scratch[end++] = HASH_BYTES;
  return { hash: 'sha256', prefix: scratch.slice(0, end), suffix: new Uint8Array(0) };
}
