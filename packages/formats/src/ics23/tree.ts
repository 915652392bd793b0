/**
 * The proven store's tree (spec/proven-store.md): an ordered map whose shape, and with it its root,
 * is a function of its content only. Leaves hold the entries in key order; the inner node between
 * two neighbouring leaves is the *gap* before the right one. Gaps form a treap: searched by key,
 * heaped by the priority that the gap's key has, so every history that ends in the same content
 * ends in the same tree.
 */
import { PalisadeError } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { fromBinaryString, toBinaryString } from './binary-string.ts';
import type { CommitmentProof } from './messages.ts';
import {
  hashOf,
  heightOf,
  Inner,
  Leaf,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  type Node,
  priorityOf,
  sizeOf,
} from './node.ts';
import { proveInTree } from './prove.ts';
import { ascending, descend, descending, insert, relink, remove } from './treap.ts';

/** A key and its value. */
export type ProvenEntry = readonly [key: Uint8Array, value: Uint8Array];

/** Which entries to walk: keys from `from` (included) up to `to` (excluded), in either direction. */
export type ProvenRange = {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  readonly reverse?: boolean;
};

/**
 * An immutable tree. `set` and `delete` return another tree that shares all but the changed path
 * with this one, so keeping a tree *is* a snapshot: queries prove against the committed tree while
 * the next block writes its own. Hashes are computed when a root or a proof is asked for, and only
 * for nodes that no earlier root has covered.
 *
 * Keys have 1 to 1024 bytes, values 1 to 1048576: ICS-23 can prove neither an empty key nor an
 * empty value. Depth is about 2.5 log2 of the size for keys that nobody picked for their hash; keys
 * that a stranger may choose freely can be mined to lie deeper (spec/proven-store.md, "Limits").
 *
 * @example
 * const tree = ProvenTree.empty.set(utf8('a'), utf8('1')).set(utf8('b'), utf8('2'));
 * tree.root();            // 32 bytes, the same for any order of the two writes
 * tree.prove(utf8('c'));  // { nonexist: ... }: 'b' is the last key
 */
export class ProvenTree {
  static readonly empty: ProvenTree = new ProvenTree(undefined);

  readonly #top: Node | undefined;

  private constructor(top: Node | undefined) {
    this.#top = top;
  }

  /**
   * Builds a tree in one pass over entries in strictly ascending key order.
   * @throws PalisadeError `formats/unsorted-entries` for a key that does not follow its predecessor,
   * and what `set` throws.
   */
  static fromSorted(entries: Iterable<ProvenEntry>): ProvenTree {
    // Gaps whose right side is still open, from the root down: priorities fall along it.
    const open: { readonly key: string; readonly priority: number; readonly left: Node }[] = [];
    let last: Leaf | undefined;
    const closeBelow = (priority: number): Node => {
      let node: Node = last!;
      // Equal priorities: the smaller key, which is the open one, stays above.
      while (open.length > 0 && open[open.length - 1]!.priority < priority) {
        const gap = open.pop()!;
        node = new Inner(gap.key, gap.priority, gap.left, node);
      }
      return node;
    };
    for (const [keyBytes, valueBytes] of entries) {
      const leaf = new Leaf(checkedKey(keyBytes), checkedValue(valueBytes));
      if (last !== undefined) {
        if (leaf.key <= last.key) throw unsorted();
        const priority = priorityOf(leaf.key);
        open.push({ key: leaf.key, priority, left: closeBelow(priority) });
      }
      last = leaf;
    }
    return last === undefined ? ProvenTree.empty : new ProvenTree(closeBelow(Infinity));
  }

  /** Number of entries. */
  get size(): number {
    return this.#top === undefined ? 0 : sizeOf(this.#top);
  }

  /** Steps from the root to the deepest entry. */
  get height(): number {
    return this.#top === undefined ? 0 : heightOf(this.#top);
  }

  /** A copy of the value under `key`, or undefined. */
  get(key: Uint8Array): Uint8Array | undefined {
    const leaf = this.#find(toBinaryString(key));
    return leaf && fromBinaryString(leaf.value);
  }

  /** Whether there is a value under `key`. */
  has(key: Uint8Array): boolean {
    return this.#find(toBinaryString(key)) !== undefined;
  }

  /**
   * The tree with `value` under `key`; this tree stays as it is.
   * @throws PalisadeError `formats/tree-key` or `formats/tree-value` for a length out of bounds.
   */
  set(key: Uint8Array, value: Uint8Array): ProvenTree {
    const fresh = new Leaf(checkedKey(key), checkedValue(value));
    if (this.#top === undefined) return new ProvenTree(fresh);
    const { path, leaf } = descend(this.#top, fresh.key);
    if (leaf.key !== fresh.key) return new ProvenTree(insert(path, leaf, fresh));
    return leaf.value === fresh.value ? this : new ProvenTree(relink(path, fresh.key, fresh));
  }

  /** The tree without `key`: the same tree when there is nothing under it. */
  delete(key: Uint8Array): ProvenTree {
    if (this.#top === undefined) return this;
    const wanted = toBinaryString(key);
    const { path, leaf } = descend(this.#top, wanted);
    if (leaf.key !== wanted) return this;
    return path.length === 0 ? ProvenTree.empty : new ProvenTree(remove(path, wanted));
  }

  /** Root hash, 32 bytes; sha256 of nothing for an empty tree, as in IAVL. */
  root(): Uint8Array {
    return this.#top === undefined
      ? new Uint8Array(sha256(new Uint8Array(0)))
      : fromBinaryString(hashOf(this.#top));
  }

  /**
   * An ICS-23 proof under `iavlSpec` that `key` has its value, or that it has none. Undefined for
   * an empty tree only: ICS-23 proves absence by neighbours, and there are none.
   */
  prove(key: Uint8Array): CommitmentProof | undefined {
    return this.#top === undefined ? undefined : proveInTree(this.#top, toBinaryString(key));
  }

  /** Entries in key order (or against it); safe while other trees are derived from this one. */
  *entries(range: ProvenRange = {}): Generator<ProvenEntry, void, undefined> {
    if (this.#top === undefined) return;
    const from = range.from === undefined ? '' : toBinaryString(range.from);
    const to = range.to === undefined ? undefined : toBinaryString(range.to);
    const walk = range.reverse ? descending(this.#top, to) : ascending(this.#top, from);
    for (const leaf of walk) {
      if (range.reverse ? leaf.key < from : to !== undefined && leaf.key >= to) return;
      yield [fromBinaryString(leaf.key), fromBinaryString(leaf.value)];
    }
  }

  #find(key: string): Leaf | undefined {
    let node = this.#top;
    while (node instanceof Inner) node = key < node.key ? node.left : node.right;
    return node?.key === key ? node : undefined;
  }
}

function checkedKey(key: Uint8Array): string {
  if (key.length >= 1 && key.length <= MAX_KEY_BYTES) return toBinaryString(key);
  throw new PalisadeError({
    code: 'formats/tree-key',
    message: `A proven store's key has 1 to ${MAX_KEY_BYTES} bytes, and this one has ${key.length}.`,
  });
}

function checkedValue(value: Uint8Array): string {
  if (value.length >= 1 && value.length <= MAX_VALUE_BYTES) return toBinaryString(value);
  throw new PalisadeError({
    code: 'formats/tree-value',
    message: `A proven store's value has 1 to ${MAX_VALUE_BYTES} bytes (ICS-23 cannot prove an empty one), and this one has ${value.length}.`,
  });
}

function unsorted(): PalisadeError {
  return new PalisadeError({
    code: 'formats/unsorted-entries',
    message: 'Entries to build a tree from must come in ascending key order, each key once.',
    next: 'Sort the entries by compareBytes, or use set.',
  });
}
