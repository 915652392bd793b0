/**
 * A proof file: entries of one length, in the order in which they are asked for. The chain knows its
 * id only; the bytes are served by whoever made it, and each entry can be shown on its own.
 *
 *   entry hash = BLAKE3(0x00 || entry)
 *   proof id   = BLAKE3("palisade/proof-file/1" || number of entries as u64 || root)
 *
 * with the tree of contents over the entry hashes.
 */
import { climb, concat, equalBytes, levelsOf, pathIn, u64be, utf8 } from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import { NODE_BYTES } from './shape.ts';

const ID_DOMAIN = utf8('palisade/proof-file/1');
const ENTRY_TAG = Uint8Array.of(0);

/** Entries of one file at most: what bounds a reader's memory, at 64 MiB for entries of 1.5 KiB. */
export const MAX_ENTRIES = 2 ** 15;

function entryHash(entry: Uint8Array): Uint8Array {
  return blake3(concat(ENTRY_TAG, entry));
}

function idOf(count: number, root: Uint8Array): Uint8Array {
  return blake3(concat(ID_DOMAIN, u64be(BigInt(count)), root));
}

function levelsOfFile(entries: readonly Uint8Array[]): readonly Uint8Array[] {
  const row = new Uint8Array(entries.length * NODE_BYTES);
  for (const [i, entry] of entries.entries()) row.set(entryHash(entry), i * NODE_BYTES);
  return levelsOf(row);
}

/** Id of a file of one entry or more. */
export function proofId(entries: readonly Uint8Array[]): Uint8Array {
  return idOf(entries.length, levelsOfFile(entries).at(-1)!);
}

/** Path of an entry to the root: what shows a single entry of a file that only its id is known of. */
export function entryPath(entries: readonly Uint8Array[], index: number): Uint8Array[] {
  return pathIn(levelsOfFile(entries), index);
}

/** Whether `entry` is number `index` of the `count` entries of a file. False for anything malformed. */
export function isEntryOf(
  id: Uint8Array,
  count: number,
  index: number,
  entry: Uint8Array,
  path: readonly Uint8Array[],
): boolean {
  if (!Number.isInteger(index) || index < 0 || index >= count || count > MAX_ENTRIES) return false;
  const root = climb(entryHash(entry), index, count, path);
  return root !== undefined && equalBytes(idOf(count, root), id);
}

/**
 * The entries of a file's bytes; undefined unless there are exactly `count` of `length` bytes each.
 */
export function readEntries(
  bytes: Uint8Array,
  count: number,
  length: number,
): readonly Uint8Array[] | undefined {
  if (count < 1 || count > MAX_ENTRIES || bytes.length !== count * length) return undefined;
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
}

/** Reads parts of an entry one after another; the entry's length was checked before. */
export class EntryReader {
  readonly #entry: Uint8Array;
  #at = 0;

  constructor(entry: Uint8Array) {
    this.#entry = entry;
  }

  take(length: number): Uint8Array {
    const part = this.#entry.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }

  path(levels: number): Uint8Array[] {
    return Array.from({ length: levels }, () => this.take(NODE_BYTES));
  }
}
