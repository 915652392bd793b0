/**
 * The same tree seen level by level, for proofs: neighbours are paired, and a last node without a
 * neighbour moves up unchanged. That gives exactly the shape of RFC 6962, and it makes the path of
 * a leaf a matter of its index and the number of leaves.
 */
import { HASH_BYTES } from './sizes.ts';
import { nodeHash } from './tree.ts';

/** Hash `index` in a row of 32-byte hashes. */
export function hashAt(row: Uint8Array, index: number): Uint8Array {
  return row.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}

/** All rows from the given one up to the root (a row of one hash). The row must not be empty. */
export function levelsOf(row: Uint8Array): readonly Uint8Array[] {
  const levels = [row];
  for (let below = row; below.length > HASH_BYTES; ) {
    const count = below.length / HASH_BYTES;
    const above = new Uint8Array(Math.ceil(count / 2) * HASH_BYTES);
    for (let i = 0; i < count; i += 2) {
      const left = hashAt(below, i);
      above.set(i + 1 < count ? nodeHash(left, hashAt(below, i + 1)) : left, (i / 2) * HASH_BYTES);
    }
    levels.push(above);
    below = above;
  }
  return levels;
}

/** The siblings from entry `index` of the lowest row up to the root, lowest first. */
export function pathIn(levels: readonly Uint8Array[], index: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  let at = index;
  for (const row of levels) {
    const sibling = at ^ 1;
    if (sibling * HASH_BYTES < row.length) path.push(hashAt(row, sibling).slice());
    at >>>= 1;
  }
  return path;
}

/** Climbs from a hash to the root; undefined when the path is not exactly as long as it must be. */
export function climb(
  hash: Uint8Array,
  index: number,
  count: number,
  path: readonly Uint8Array[],
): Uint8Array | undefined {
  let root = hash;
  let used = 0;
  for (let at = index, row = count; row > 1; at = Math.floor(at / 2), row = Math.ceil(row / 2)) {
    if (at % 2 === 0 && at + 1 === row) continue;
    const sibling = path[used++];
    if (sibling?.length !== HASH_BYTES) return undefined;
    root = at % 2 === 0 ? nodeHash(root, sibling) : nodeHash(sibling, root);
  }
  return used === path.length ? root : undefined;
}
