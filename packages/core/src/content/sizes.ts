/** The fixed sizes of content: leaves, groups, and what follows from a size alone. */
import { PalisadeError } from '../errors.ts';

/** Bytes of a leaf, the unit of an audit: a proof costs the leaf plus 32 bytes a level. */
export const LEAF_BYTES = 1024;

/** Levels of the tree inside a group: 2^10 leaves. */
export const GROUP_HEIGHT = 10;

/** Leaves of a full group. */
export const GROUP_LEAVES = 2 ** GROUP_HEIGHT;

/**
 * Bytes of a group, the unit of transfer: what a reader checks, stores and resumes by. 1 MiB hashes
 * in about 2 ms, fits any buffer, and keeps the outline at 32 KiB per GiB.
 */
export const GROUP_BYTES = LEAF_BYTES * GROUP_LEAVES;

/** Bytes of every hash here. */
export const HASH_BYTES = 32;

/**
 * Largest content: 256 GiB. Its outline is 8 MiB, which a browser can hold, and the tree above
 * the outline takes 0.1 s to build. Whatever is larger is stored as several contents.
 */
export const MAX_CONTENT_BYTES = 2 ** 38;

/** Whether a number can be the size of a content: whole, 0 to `MAX_CONTENT_BYTES`. */
export function isContentSize(size: number): boolean {
  return Number.isInteger(size) && size >= 0 && size <= MAX_CONTENT_BYTES;
}

/** @throws PalisadeError `content/bad-size` */
export function checkContentSize(size: number): void {
  if (isContentSize(size)) return;
  throw new PalisadeError({
    code: 'content/bad-size',
    message: `${size} is not a content size: it must be a whole number of bytes up to ${MAX_CONTENT_BYTES}.`,
    next: 'Split larger content into several.',
  });
}

/**
 * How many leaves a content of `size` bytes has; 0 for the empty one.
 * @throws PalisadeError `content/bad-size`
 */
export function leafCount(size: number): number {
  checkContentSize(size);
  return Math.ceil(size / LEAF_BYTES);
}

/**
 * How many groups, and so outline entries, a content of `size` bytes has; 0 for the empty one.
 * @throws PalisadeError `content/bad-size`
 */
export function groupCount(size: number): number {
  checkContentSize(size);
  return Math.ceil(size / GROUP_BYTES);
}

/** Bytes of group `index`: 1 MiB, less for the last one, 0 outside. */
export function groupLength(size: number, index: number): number {
  return pieceLength(size, index, GROUP_BYTES);
}

/** Bytes of leaf `index`: 1 KiB, less for the last one, 0 outside. */
export function leafLength(size: number, index: number): number {
  return pieceLength(size, index, LEAF_BYTES);
}

function pieceLength(size: number, index: number, full: number): number {
  if (!isContentSize(size) || !Number.isInteger(index) || index < 0) return 0;
  return Math.max(0, Math.min(full, size - index * full));
}
