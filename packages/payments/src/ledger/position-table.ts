/** Positions by rows: the ledger's key, and words of its own behind it. */
import { BLOCK_OFFSET, type Position } from '../format/position.ts';
import { AHEAD, mix, OpenIndex } from './open-index.ts';
import { Rows } from './rows.ts';

const BLOCK = BigInt(BLOCK_OFFSET);
const HALF = 2 ** 32;
/** Words of a key: both halves of the block number, and the place in the block. */
const LOW = 1;
const PLACE = 2;
export const KEY_WORDS = 3;
/** In the high half of a row that holds nothing; block numbers end far below. */
const FREE = HALF - 1;

export class PositionTable {
  readonly rows: Rows;
  private readonly index = new OpenIndex((row) => this.hashOf(row));
  private readonly hashes = new Int32Array(AHEAD);
  private readonly peeked = new Int32Array(AHEAD);
  private high = 0;
  private low = 0;
  private place = 0;
  private readonly isSought = (row: number): boolean => {
    const { words, width } = this.rows;
    const at = row * width;
    return (
      words[at + PLACE] === this.place && words[at + LOW] === this.low && words[at] === this.high
    );
  };

  /** @param words those of a row that are the owner's, behind the key */
  constructor(words: number) {
    this.rows = new Rows(KEY_WORDS + words);
  }

  private hashOf(row: number): number {
    const { words, width } = this.rows;
    const at = row * width;
    return hash(words[at]!, words[at + LOW]!, words[at + PLACE]!);
  }

  get size(): number {
    return this.rows.used;
  }

  get bytes(): number {
    return this.rows.words.byteLength + this.index.bytes;
  }

  reserve(count: number): void {
    this.rows.reserve(count);
    this.index.reserve(count);
  }

  private seek(position: Position): void {
    const block = Number(position / BLOCK);
    this.high = Math.floor(block / HALF);
    this.low = block >>> 0;
    this.place = Number(position % BLOCK);
  }

  private found(): number {
    return this.index.find(hash(this.high, this.low, this.place), this.isSought);
  }

  /** The row of a position, or -1. */
  find(position: Position): number {
    this.seek(position);
    return this.found();
  }

  /** A row for a position, or -1 when it has one. */
  add(position: Position): number {
    this.seek(position);
    return this.addSought();
  }

  /** As `add`, of a position in its three words, which was never one number. */
  addWords(high: number, low: number, place: number): number {
    this.high = high;
    this.low = low;
    this.place = place;
    return this.addSought();
  }

  /** Readies the search for a position that is to be added soon, as number `i` of `peek`. */
  foresee(i: number, high: number, low: number, place: number): void {
    this.hashes[i] = hash(high, low, place);
  }

  /** See `OpenIndex.peek`. */
  peek(count: number): void {
    this.index.peek(this.hashes, this.peeked, count);
  }

  private addSought(): number {
    if (this.found() >= 0) return -1;
    const row = this.rows.take();
    const { words, width } = this.rows;
    words[row * width] = this.high;
    words[row * width + LOW] = this.low;
    words[row * width + PLACE] = this.place;
    this.index.add(row);
    return row;
  }

  remove(row: number): void {
    this.index.remove(row);
    this.rows.words[row * this.rows.width] = FREE;
    this.rows.give(row);
  }

  position(row: number): Position {
    const { words, width } = this.rows;
    const at = row * width;
    return BigInt(words[at]! * HALF + words[at + LOW]!) * BLOCK + BigInt(words[at + PLACE]!);
  }

  /** All rows that hold something, in no order that means anything. */
  *occupied(): Generator<number> {
    const { rows } = this;
    for (let row = 0; row < rows.end; row++) if (rows.words[row * rows.width] !== FREE) yield row;
  }
}

function hash(high: number, low: number, place: number): number {
  return mix(mix(low) ^ place ^ high);
}
