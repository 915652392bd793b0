/**
 * The binary Merkle tree of RFC 6962 (section 2.1) with SHA-256, as CometBFT uses it for headers,
 * transactions, evidence, results, validator sets and block parts, and as our app hash uses it for
 * named stores (spec/ engine chapter 2.2).
 *
 * - leaf hash  = sha256(0x00 || leaf), inner hash = sha256(0x01 || left || right): the two prefixes
 *   keep a leaf from being passed off as an inner node.
 * - a list of n > 1 leaves splits at the largest power of two that is smaller than n.
 * - no leaves at all hash to sha256('').
 *
 * An inclusion proof carries the sibling hashes ("aunts") from the leaf up to the root. The shape is
 * given by index and total, so a proof for the wrong index or total does not verify.
 */
import { concat, equalBytes, PalisadeError } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';

/** Where a leaf sits and the sibling hashes that lead from it to the root, lowest first. */
export type MerkleProof = {
  readonly index: number;
  readonly total: number;
  readonly leafHash: Uint8Array;
  readonly aunts: readonly Uint8Array[];
};

/** A tree of 2^32 leaves is 32 deep; nothing here has more, so a longer path is refused unread. */
const MAX_AUNTS = 32;
const MAX_TOTAL = 2 ** MAX_AUNTS;
const HASH_BYTES = 32;
const LEAF_PREFIX = new Uint8Array([0]);
const INNER_PREFIX = new Uint8Array([1]);

/** Where leaves up to this many bytes are put behind their prefix: hashing is synchronous. */
const SMALL_LEAF = 1024;
const prefixedLeaf = concat(LEAF_PREFIX, new Uint8Array(SMALL_LEAF));

/** Hash of one leaf (RFC 6962: prefix 0x00). */
export function merkleLeafHash(leaf: Uint8Array): Uint8Array {
  if (leaf.length > SMALL_LEAF) return sha256(concat(LEAF_PREFIX, leaf));
  prefixedLeaf.set(leaf, 1);
  return sha256(prefixedLeaf.subarray(0, 1 + leaf.length));
}

/** Where inner nodes are put together: a block has thousands of them. */
const innerNode = concat(INNER_PREFIX, new Uint8Array(2 * HASH_BYTES));

/** Hash of an inner node over its two children, 32 bytes each (RFC 6962: prefix 0x01). */
export function merkleInnerHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES)
    return sha256(concat(INNER_PREFIX, left, right));
  innerNode.set(left, 1);
  innerNode.set(right, 1 + HASH_BYTES);
  return sha256(innerNode);
}

/** Root over the leaves in the order given; 32 bytes; sha256('') for an empty list. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  return rootOf(leaves.map(merkleLeafHash), 0, leaves.length);
}

/** Proof that `leaves[index]` is under `merkleRoot(leaves)`. Throws when the index is outside. */
export function merkleProof(leaves: readonly Uint8Array[], index: number): MerkleProof {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) {
    throw new PalisadeError({
      code: 'formats/merkle-index',
      message: `There is no leaf ${index} in a list of ${leaves.length}, so nothing can be proven of it.`,
      retry: 'never',
    });
  }
  const hashes = leaves.map(merkleLeafHash);
  const aunts: Uint8Array[] = [];
  let start = 0;
  let end = hashes.length;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      aunts.unshift(rootOf(hashes, middle, end));
      end = middle;
    } else {
      aunts.unshift(rootOf(hashes, start, middle));
      start = middle;
    }
  }
  return { index, total: leaves.length, leafHash: hashes[index]!, aunts };
}

/** True when the proof shows `leaf` at `proof.index` of `proof.total` under `root`; never throws. */
export function verifyMerkleProof(root: Uint8Array, leaf: Uint8Array, proof: MerkleProof): boolean {
  const { index, total, aunts } = proof;
  if (!Number.isSafeInteger(total) || total < 1 || total > MAX_TOTAL) return false;
  if (!Number.isSafeInteger(index) || index < 0 || index >= total) return false;
  if (aunts.length > MAX_AUNTS || aunts.some((aunt) => aunt.length !== HASH_BYTES)) return false;
  const leafHash = merkleLeafHash(leaf);
  if (!equalBytes(leafHash, proof.leafHash)) return false;
  const computed = rootFromAunts(index, total, leafHash, aunts);
  return computed !== undefined && equalBytes(computed, root);
}

function rootOf(hashes: readonly Uint8Array[], start: number, end: number): Uint8Array {
  if (end - start === 1) return hashes[start]!;
  const middle = start + splitPoint(end - start);
  return merkleInnerHash(rootOf(hashes, start, middle), rootOf(hashes, middle, end));
}

/** The path has one entry per level, so the number of aunts must match exactly: no more, no less. */
function rootFromAunts(
  index: number,
  total: number,
  leafHash: Uint8Array,
  aunts: readonly Uint8Array[],
): Uint8Array | undefined {
  if (total === 1) return aunts.length === 0 ? leafHash : undefined;
  const aunt = aunts[aunts.length - 1];
  if (aunt === undefined) return undefined;
  const lower = aunts.slice(0, -1);
  const split = splitPoint(total);
  if (index < split) {
    const left = rootFromAunts(index, split, leafHash, lower);
    return left && merkleInnerHash(left, aunt);
  }
  const right = rootFromAunts(index - split, total - split, leafHash, lower);
  return right && merkleInnerHash(aunt, right);
}

/** Largest power of two below `length` (length >= 2). */
function splitPoint(length: number): number {
  let power = 1;
  while (power * 2 < length) power *= 2;
  return power;
}
