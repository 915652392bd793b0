/** Addresses by small numbers: each is kept once, however many outputs name it, and goes with the last. */
import { AHEAD, mix, OpenIndex } from './open-index.ts';
import { Rows } from './rows.ts';

const BYTES = 20;
/** Words of an address. */
const WORDS = 5;
/** Words of a row: the address, how many name it, and one for whoever asks for numbers. */
const NAMED = 5;
const NOTE = 6;
const WIDTH = 7;

export class Interner {
  private readonly rows = new Rows(WIDTH);
  private readonly index = new OpenIndex((row) => hashAt(this.rows.words, row * WIDTH));
  /** What is looked for; a closure for each search would cost more than the search. */
  private readonly sought = new Uint32Array(WORDS);
  private readonly isSought = (row: number): boolean => {
    const { words } = this.rows;
    for (let i = 0, at = row * WIDTH; i < WORDS; i++)
      if (words[at + i] !== this.sought[i]) return false;
    return true;
  };

  private readonly hashes = new Int32Array(AHEAD);
  private readonly peeked = new Int32Array(AHEAD);

  get count(): number {
    return this.rows.used;
  }

  get bytes(): number {
    return this.rows.words.byteLength + this.index.bytes;
  }

  /** Lays out the address at `at` of some bytes as what is sought; answers its hash. */
  private seek(bytes: Uint8Array, at: number): number {
    for (let i = 0, from = at; i < WORDS; i++, from += 4)
      this.sought[i] =
        bytes[from]! |
        (bytes[from + 1]! << 8) |
        (bytes[from + 2]! << 16) |
        (bytes[from + 3]! << 24);
    return hashAt(this.sought, 0);
  }

  /** The number of the address at `at` of some bytes, or -1. */
  find(bytes: Uint8Array, at = 0): number {
    return this.index.find(this.seek(bytes, at), this.isSought);
  }

  /** Readies the search for an address that is to be acquired soon, as number `i` of `peek`. */
  foresee(i: number, bytes: Uint8Array, at: number): void {
    this.hashes[i] = this.seek(bytes, at);
  }

  /** See `OpenIndex.peek`; puts what is noted beside the addresses, most probably, into `notes`. */
  peek(count: number, notes: Int32Array): void {
    const { peeked } = this;
    this.index.peek(this.hashes, peeked, count);
    const { words } = this.rows;
    for (let i = 0; i < count; i++) {
      const row = peeked[i]!;
      notes[i] = row < 0 ? 0 : words[row * WIDTH + NOTE]!;
    }
  }

  /** The number of an address, which is named once more. */
  acquire(bytes: Uint8Array, at = 0): number {
    const known = this.find(bytes, at);
    const row = known >= 0 ? known : this.add();
    this.rows.words[row * WIDTH + NAMED]!++;
    return row;
  }

  private add(): number {
    const row = this.rows.take();
    this.rows.words.set(this.sought, row * WIDTH);
    this.rows.words[row * WIDTH + NAMED] = 0;
    this.rows.words[row * WIDTH + NOTE] = 0;
    this.index.add(row);
    return row;
  }

  /** Whoever named it does no longer. */
  release(row: number): void {
    if (--this.rows.words[row * WIDTH + NAMED]! > 0) return;
    this.index.remove(row);
    this.rows.give(row);
  }

  /** What was noted beside an address; 0 at first. */
  note(row: number): number {
    return this.rows.words[row * WIDTH + NOTE]!;
  }

  setNote(row: number, value: number): void {
    this.rows.words[row * WIDTH + NOTE] = value;
  }

  /** A copy of the address with that number. */
  address(row: number): Uint8Array {
    const address = new Uint8Array(BYTES);
    for (let i = 0; i < BYTES; i++)
      address[i] = this.rows.words[row * WIDTH + (i >> 2)]! >>> (8 * (i & 3));
    return address;
  }
}

/**
 * All 20 bytes count, mixed word by word. Whoever grinds addresses that collide makes searches for
 * these longer; each costs its maker a deposit or a fee.
 */
function hashAt(words: Uint32Array, at: number): number {
  let hash = 0;
  for (let i = at; i < at + WORDS; i++) hash = mix(hash ^ words[i]!);
  return hash;
}
