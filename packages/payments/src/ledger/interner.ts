/** Addresses by small numbers: each is kept once, however many outputs name it, and goes with the last. */
import { grown, Slots } from './columns.ts';
import { mix, OpenIndex } from './open-index.ts';

const BYTES = 20;

export class Interner {
  private addresses = new Uint8Array(0);
  private references = new Uint32Array(0);
  private readonly slots = new Slots((capacity) => this.grow(capacity));
  private readonly index = new OpenIndex((slot) => hashAt(this.addresses, slot * BYTES));
  /** What is looked for: fields, because a closure for each search would cost more than the search. */
  private sought: Uint8Array = this.addresses;
  private soughtAt = 0;
  private readonly isSought = (slot: number): boolean => {
    for (let i = 0, at = slot * BYTES; i < BYTES; i++)
      if (this.addresses[at + i] !== this.sought[this.soughtAt + i]) return false;
    return true;
  };

  private grow(capacity: number): void {
    this.addresses = grown(this.addresses, capacity * BYTES);
    this.references = grown(this.references, capacity);
  }

  get count(): number {
    return this.slots.used;
  }

  get bytes(): number {
    return this.addresses.byteLength + this.references.byteLength + this.index.bytes;
  }

  /** The number of an address, or -1. */
  find(address: Uint8Array, at = 0): number {
    this.sought = address;
    this.soughtAt = at;
    return this.index.find(hashAt(address, at), this.isSought);
  }

  /** The number of an address, which is named once more. */
  acquire(address: Uint8Array, at = 0): number {
    const known = this.find(address, at);
    const slot = known >= 0 ? known : this.add(address, at);
    this.references[slot]!++;
    return slot;
  }

  private add(address: Uint8Array, at: number): number {
    const slot = this.slots.take();
    this.addresses.set(address.subarray(at, at + BYTES), slot * BYTES);
    this.index.add(hashAt(address, at), slot);
    return slot;
  }

  /** Whoever named it does no longer. */
  release(slot: number): void {
    if (--this.references[slot]! > 0) return;
    this.index.remove(slot);
    this.slots.give(slot);
  }

  /** A copy of the address with that number. */
  address(slot: number): Uint8Array {
    return this.addresses.slice(slot * BYTES, (slot + 1) * BYTES);
  }
}

/**
 * All 20 bytes count, mixed word by word. Whoever grinds addresses that collide makes searches for
 * these longer; each costs its maker a deposit or a fee.
 */
function hashAt(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let i = at; i < at + BYTES; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    hash = mix(hash ^ word);
  }
  return hash;
}
