/**
 * Audit proofs: one leaf and the way from it to the content id. Whoever answers with it holds that
 * leaf now; whoever checks it needs only the id and the size.
 */
import { equalBytes } from '../bytes.ts';
import { climb, hashAt, levelsOf, pathIn } from './levels.ts';
import type { Outline } from './outline.ts';
import {
  GROUP_LEAVES,
  groupLength,
  HASH_BYTES,
  LEAF_BYTES,
  leafCount,
  leafLength,
} from './sizes.ts';
import { contentIdOfRoot, leafHash } from './tree.ts';

/** Evidence that a leaf belongs to a content: at most 1 KiB and 28 hashes. */
export type AuditProof = {
  readonly leafIndex: number;
  /** The leaf's bytes: 1 KiB, less for the last one. */
  readonly leaf: Uint8Array;
  /** Sibling hashes from the leaf up to the root, lowest first. */
  readonly path: readonly Uint8Array[];
};

/**
 * Whether the proof shows a leaf of exactly this content. False, never a throw, for anything
 * malformed: an index outside, a leaf or a path of another length than size and index ask for.
 */
export function verifyLeaf(contentId: Uint8Array, size: number, proof: AuditProof): boolean {
  const { leafIndex, leaf, path } = proof;
  const expected = leafLength(size, leafIndex);
  if (expected === 0 || leaf.length !== expected) return false;
  const root = climb(leafHash(leaf), leafIndex, leafCount(size), path);
  return root !== undefined && equalBytes(contentIdOfRoot(size, root), contentId);
}

/**
 * Proves leaves of one group from the group's bytes. The answer is undefined when the bytes are not
 * those of the outline (damaged on disk, or another group), so that a prover never sends a bad proof.
 */
export type GroupProver = (
  groupIndex: number,
  group: Uint8Array,
  leafIndices: readonly number[],
) => readonly AuditProof[] | undefined;

/**
 * A prover for one content: hashes the tree above the outline once and each group once per call.
 * Leaf indices count over the whole content and must lie in the group they are asked from.
 */
export function createProver(outline: Outline): GroupProver {
  const upper = outline.roots.length === 0 ? [] : levelsOf(outline.roots);
  return (groupIndex, group, leafIndices) => {
    if (group.length === 0 || group.length !== groupLength(outline.size, groupIndex)) {
      return undefined;
    }
    const lower = levelsOf(leafRow(group));
    if (!equalBytes(lower.at(-1)!, hashAt(outline.roots, groupIndex))) return undefined;
    const upperPath = pathIn(upper, groupIndex);
    const proofs: AuditProof[] = [];
    for (const leafIndex of leafIndices) {
      const within = leafIndex - groupIndex * GROUP_LEAVES;
      const start = within * LEAF_BYTES;
      if (!Number.isInteger(within) || start < 0 || start >= group.length) return undefined;
      proofs.push({
        leafIndex,
        leaf: group.slice(start, start + LEAF_BYTES),
        path: [...pathIn(lower, within), ...upperPath],
      });
    }
    return proofs;
  };
}

/** Proves a single leaf from the bytes of its group; undefined when they are not the outline's. */
export function proveLeaf(
  outline: Outline,
  group: Uint8Array,
  leafIndex: number,
): AuditProof | undefined {
  return createProver(outline)(Math.floor(leafIndex / GROUP_LEAVES), group, [leafIndex])?.[0];
}

/** The hashes of a group's leaves, one after another. */
function leafRow(group: Uint8Array): Uint8Array {
  const row = new Uint8Array(leafCount(group.length) * HASH_BYTES);
  for (let start = 0, at = 0; start < group.length; start += LEAF_BYTES, at += HASH_BYTES) {
    row.set(leafHash(group.subarray(start, start + LEAF_BYTES)), at);
  }
  return row;
}
