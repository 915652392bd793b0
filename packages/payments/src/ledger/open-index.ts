/**
 * A hash table from keys to slots of columns: open addressing in one typed array, 4 bytes a place.
 * It holds no keys; whoever owns the columns compares. Removing closes the gap, so that there are no
 * graves and a table that is written to for years stays as fast as a new one.
 */

/** Places at first; a power of two, as always. */
const LEAST = 1024;
/** The table doubles when it is fuller than this: beyond, linear probing gets long. */
const MAX_LOAD = 0.7;

export class OpenIndex {
  /** Slot + 1; 0 where nothing is. */
  private places = new Uint32Array(LEAST);
  private mask = LEAST - 1;
  private used = 0;
  private readonly hashOf: (slot: number) => number;

  /** @param hashOf hash of the key that a slot holds, any 32 bits */
  constructor(hashOf: (slot: number) => number) {
    this.hashOf = hashOf;
  }

  get bytes(): number {
    return this.places.byteLength;
  }

  /** The slot with that hash of which `isIt` holds, or -1. */
  find(hash: number, isIt: (slot: number) => boolean): number {
    const { places, mask } = this;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const place = places[at]!;
      if (place === 0) return -1;
      if (isIt(place - 1)) return place - 1;
    }
  }

  /** Adds a slot whose key is not there yet. */
  add(hash: number, slot: number): void {
    if (this.used + 1 > this.places.length * MAX_LOAD) this.resize(this.places.length * 2);
    this.used++;
    this.put(hash, slot);
  }

  private put(hash: number, slot: number): void {
    const { places, mask } = this;
    let at = hash & mask;
    while (places[at] !== 0) at = (at + 1) & mask;
    places[at] = slot + 1;
  }

  /** Makes room for `count` slots in all at once. */
  reserve(count: number): void {
    let size = this.places.length;
    while (count > size * MAX_LOAD) size *= 2;
    if (size > this.places.length) this.resize(size);
  }

  private resize(size: number): void {
    const old = this.places;
    this.places = new Uint32Array(size);
    this.mask = size - 1;
    for (const place of old) if (place !== 0) this.put(this.hashOf(place - 1), place - 1);
  }

  /** Takes out a slot that is there; its key must still be in its columns. */
  remove(slot: number): void {
    const { places, mask } = this;
    let gap = this.hashOf(slot) & mask;
    while (places[gap] !== slot + 1) gap = (gap + 1) & mask;
    this.used--;
    for (let at = (gap + 1) & mask; places[at] !== 0; at = (at + 1) & mask) {
      // What would be found from its home up to here without passing the gap stays where it is.
      const home = this.hashOf(places[at]! - 1) & mask;
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
