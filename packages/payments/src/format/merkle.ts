/**
 * The tree over a block's transactions whose root the root chain holds: 65 536 leaves, keccak256,
 * leaf = hash(0x00 | raw transaction), node = hash(0x01 | left | right). Leaves that a block does not
 * use are hash(0x00 | 32 zero bytes); subtrees of them are known beforehand and never hashed.
 */
import { equalBytes, PalisadeError } from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';
import { MAX_BLOCK_TXS } from './position.ts';
import { MAX_TX_BYTES } from './transaction.ts';

/** Levels between a leaf and the root: 2^16 leaves. */
export const TREE_DEPTH = 16;
const HASH = 32;
/** A proof: one sibling a level, the lowest first. */
export const PROOF_BYTES = TREE_DEPTH * HASH;
const LEAF_PREFIX = 0;
const NODE_PREFIX = 1;

const leafPlace = new Uint8Array(1 + MAX_TX_BYTES);
const nodePlace = new Uint8Array(1 + 2 * HASH);
leafPlace[0] = LEAF_PREFIX;
nodePlace[0] = NODE_PREFIX;

/** The leaf of a transaction's raw bytes, 32 bytes. */
export function leafHash(raw: Uint8Array): Uint8Array {
  leafPlace.set(raw, 1);
  return keccak256(leafPlace.subarray(0, 1 + raw.length));
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodePlace.set(left, 1);
  nodePlace.set(right, 1 + HASH);
  return keccak256(nodePlace);
}

/** What a place without transaction has instead of its raw bytes. */
export const UNUSED_LEAF = new Uint8Array(HASH);

/** Roots of trees of unused leaves, by their height. */
export const EMPTY_SUBTREES: readonly Uint8Array[] = (() => {
  const roots = [leafHash(UNUSED_LEAF)];
  while (roots.length <= TREE_DEPTH) roots.push(nodeHash(roots.at(-1)!, roots.at(-1)!));
  return roots;
})();

/** A block's tree with all its nodes, so that a proof costs sixteen copies. */
export class BlockTree {
  /** Hashes of the used part of each level, one after another, the leaves first. */
  private readonly levels: readonly Uint8Array[];

  private constructor(levels: readonly Uint8Array[]) {
    this.levels = levels;
  }

  /** The tree of transactions' raw bytes. @throws PalisadeError `payments/too-many-leaves` */
  static of(raws: readonly Uint8Array[]): BlockTree {
    return BlockTree.ofLeaves(raws.map(leafHash));
  }

  /** As `of`, of leaves that were hashed as their transactions came. */
  static ofLeaves(leaves: readonly Uint8Array[]): BlockTree {
    if (leaves.length > MAX_BLOCK_TXS)
      throw new PalisadeError({
        code: 'payments/too-many-leaves',
        message: `A block has ${leaves.length} transactions; its tree has ${MAX_BLOCK_TXS} leaves.`,
      });
    const bottom = new Uint8Array(leaves.length * HASH);
    for (let i = 0; i < leaves.length; i++) bottom.set(leaves[i]!, i * HASH);
    const levels: Uint8Array[] = [bottom];
    for (let height = 0; height < TREE_DEPTH; height++)
      levels.push(levelAbove(levels[height]!, EMPTY_SUBTREES[height]!));
    return new BlockTree(levels);
  }

  /** Number of transactions. */
  get size(): number {
    return this.levels[0]!.length / HASH;
  }

  get root(): Uint8Array {
    return this.node(TREE_DEPTH, 0);
  }

  private node(height: number, index: number): Uint8Array {
    const level = this.levels[height]!;
    const at = index * HASH;
    return at < level.length ? level.slice(at, at + HASH) : EMPTY_SUBTREES[height]!;
  }

  /** 512 bytes that prove the transaction at `index`. */
  proof(index: number): Uint8Array {
    const proof = new Uint8Array(PROOF_BYTES);
    for (let height = 0, at = index; height < TREE_DEPTH; height++, at >>= 1)
      proof.set(this.node(height, at ^ 1), height * HASH);
    return proof;
  }
}

function levelAbove(below: Uint8Array, empty: Uint8Array): Uint8Array {
  const count = below.length / HASH;
  const above = new Uint8Array(((count + 1) >> 1) * HASH);
  for (let i = 0; i < count; i += 2) {
    nodePlace.set(below.subarray(i * HASH, (i + 2) * HASH), 1);
    if (i + 1 === count) nodePlace.set(empty, 1 + HASH);
    above.set(keccak256(nodePlace), (i / 2) * HASH);
  }
  return above;
}

/** Whether `proof` shows that a block with this root holds the transaction at `index`. */
export function isIncluded(
  root: Uint8Array,
  raw: Uint8Array,
  index: number,
  proof: Uint8Array,
): boolean {
  if (proof.length !== PROOF_BYTES || raw.length > MAX_TX_BYTES) return false;
  if (!Number.isInteger(index) || index < 0 || index >= MAX_BLOCK_TXS) return false;
  let hash = leafHash(raw);
  for (let height = 0, at = index; height < TREE_DEPTH; height++, at >>= 1) {
    const sibling = proof.subarray(height * HASH, (height + 1) * HASH);
    hash = at % 2 === 0 ? nodeHash(hash, sibling) : nodeHash(sibling, hash);
  }
  return equalBytes(hash, root);
}
