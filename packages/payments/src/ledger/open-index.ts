/**
 * A hash table from keys to rows: open addressing in one typed array, 4 bytes a place.
 * It holds no keys; whoever owns the rows compares. Removing closes the gap, so that there are no
 * graves and a table that is written to for years stays as fast as a new one.
 */

import { PalisadeError } from '@palisade/core';

/** Places at first; a power of two, as always. */
const LEAST = 1024;
/** The table doubles when it is fuller than this: at a half, a search that finds nothing looks at 2.5 places. */
const MAX_LOAD = 0.5;

/**
 * The upper bits of a place are those of its key's hash, so that few rows are looked at in vain; what is
 * left numbers 67 million rows, 5 GB of outputs.
 */
const ROW_BITS = 26;
const ROW = 2 ** ROW_BITS - 1;

/** Searches that are looked ahead to at once: a processor has ten or twenty lines of memory under way at a time. */
export const AHEAD = 64;

export class OpenIndex {
  /** Row + 1 with the tag of its hash; 0 where nothing is. */
  private places = new Uint32Array(LEAST);
  private mask = LEAST - 1;
  private used = 0;
  /** The empty place at which the last search that found nothing ended. */
  private end = 0;
  private endTag = 0;
  private readonly hashOf: (row: number) => number;

  /** @param hashOf hash of the key that a row holds, any 32 bits */
  constructor(hashOf: (row: number) => number) {
    this.hashOf = hashOf;
  }

  get bytes(): number {
    return this.places.byteLength;
  }

  /** The row with that hash of which `isIt` holds, or -1. */
  find(hash: number, isIt: (row: number) => boolean): number {
    const { places, mask } = this;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const place = places[at]!;
      if (place === 0) {
        this.end = at;
        this.endTag = hash & ~ROW;
        return -1;
      }
      if ((place ^ hash) >>> ROW_BITS !== 0) continue;
      const row = (place & ROW) - 1;
      if (isIt(row)) return row;
    }
  }

  /**
   * Looks at the places where searches for some hashes begin, and puts the rows there into `rows` (-1 for none). A
   * processor waits for one line of memory after another when each search follows the last; here it
   * waits for all of them at once, and the searches that come next find them in its cache.
   */
  peek(hashes: Int32Array, rows: Int32Array, count: number): void {
    const { places, mask } = this;
    for (let i = 0; i < count; i++) rows[i] = (places[hashes[i]! & mask]! & ROW) - 1;
  }

  /** Adds the row whose key the last search, which this must follow at once, did not find. */
  add(row: number): void {
    if (row >= ROW) throw full();
    this.places[this.end] = this.endTag | (row + 1);
    this.used++;
    if (this.used > this.places.length * MAX_LOAD) this.resize(this.places.length * 2);
  }

  private put(hash: number, row: number): void {
    const { places, mask } = this;
    let at = hash & mask;
    while (places[at] !== 0) at = (at + 1) & mask;
    places[at] = (hash & ~ROW) | (row + 1);
  }

  /** Makes room for `count` rows in all at once. */
  reserve(count: number): void {
    let size = this.places.length;
    while (count > size * MAX_LOAD) size *= 2;
    if (size > this.places.length) this.resize(size);
  }

  private resize(size: number): void {
    const old = this.places;
    this.places = new Uint32Array(size);
    this.mask = size - 1;
    for (const place of old)
      if (place !== 0) this.put(this.hashOf((place & ROW) - 1), (place & ROW) - 1);
  }

  /** Takes out a row that is there; its key must still be in its words. */
  remove(row: number): void {
    const { places, mask } = this;
    let gap = this.hashOf(row) & mask;
    while ((places[gap]! & ROW) !== row + 1) gap = (gap + 1) & mask;
    this.used--;
    for (let at = (gap + 1) & mask; places[at] !== 0; at = (at + 1) & mask) {
      // What would be found from its home up to here without passing the gap stays where it is.
      const home = this.hashOf((places[at]! & ROW) - 1) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      places[gap] = places[at]!;
      gap = at;
    }
    places[gap] = 0;
  }
}

/** Mixes 32 bits so that every bit of the input reaches the low bits (murmur3's finalizer). */
export function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

function full(): PalisadeError {
  return new PalisadeError({
    code: 'payments/too-many-rows',
    message: `A table of the ledger has ${ROW} rows, which is all that it can number.`,
  });
}
