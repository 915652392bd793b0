/**
 * Overlays: state that is written to without touching what is below. A block writes into one over
 * the committed state, each transaction into one over the block's; a refused transaction's is
 * dropped whole.
 */
import type { KeyValueReader, Write } from '@palisade/core';
import { compareKeys, SortedKeys } from './sorted-keys.ts';

/** State that can be read and written. */
export type State = KeyValueReader & {
  /** `undefined` deletes. */
  set(key: string, value: Uint8Array | undefined): void;
};

/** How the values of a collection become bytes. */
export type Encoder = { encode(value: never): Uint8Array };

/**
 * What a key holds: bytes, a value, or both. A value is encoded when its bytes are asked for, which
 * for many is at the end of the block: some records are written by every other transaction.
 */
export class Cell {
  private encoded: Uint8Array | undefined;
  private decoded: unknown;
  private encoder: Encoder | undefined;

  private constructor(bytes: Uint8Array | undefined, value: unknown, encoder: Encoder | undefined) {
    this.encoded = bytes;
    this.decoded = value;
    this.encoder = encoder;
  }

  static ofBytes(bytes: Uint8Array): Cell {
    return new Cell(bytes, undefined, undefined);
  }

  /** The value must never change. */
  static ofValue(value: unknown, encoder: Encoder): Cell {
    return new Cell(undefined, value, encoder);
  }

  /** What a key without a record holds. */
  static readonly empty = new Cell(undefined, undefined, undefined);

  get bytes(): Uint8Array | undefined {
    if (this.encoder) this.encoded ??= this.encoder.encode(this.decoded as never);
    return this.encoded;
  }

  /** The value as the encoder's collection has it, decoded where nobody has yet. */
  valueFor<V>(encoder: Encoder, decode: (bytes: Uint8Array) => V): V | undefined {
    if (this.encoder !== encoder && this.bytes) {
      this.decoded = decode(this.bytes);
      this.encoder = encoder;
    }
    return this.decoded as V | undefined;
  }
}

/**
 * Reads of what lies below that are remembered at most: a full block reads about 5 000 keys, and
 * whoever makes an overlay read more than that only loses the speed.
 */
const MAX_REMEMBERED = 50_000;

export class Overlay implements State {
  readonly base: KeyValueReader;
  private readonly written = new Map<string, Cell>();
  /**
   * What was read from a store below: many commands of a block read the same few records, and each
   * is fetched and decoded once. What is below does not change while an overlay is in use.
   */
  private readonly read = new Map<string, Cell>();
  /** Made by the first listing: most transactions list nothing. */
  private keys: SortedKeys | undefined;

  constructor(base: KeyValueReader) {
    this.base = base;
  }

  get(key: string): Uint8Array | undefined {
    return this.cell(key).bytes;
  }

  /** As `get`, with the decoded value where there is one; whoever decodes it may leave it here. */
  cell(key: string): Cell {
    return this.written.get(key) ?? this.below(key);
  }

  /** What the store below has: the value before the block. */
  before(key: string): Uint8Array | undefined {
    return this.below(key).bytes;
  }

  private below(key: string): Cell {
    if (this.base instanceof Overlay) return this.base.cell(key);
    const known = this.read.get(key);
    if (known) return known;
    const bytes = this.base.get(key);
    const cell = bytes ? Cell.ofBytes(bytes) : Cell.empty;
    if (this.read.size < MAX_REMEMBERED) this.read.set(key, cell);
    return cell;
  }

  set(key: string, value: Uint8Array | undefined): void {
    this.setCell(key, value ? Cell.ofBytes(value) : Cell.empty);
  }

  /** As `set`, for bytes whose value is at hand. */
  setCell(key: string, cell: Cell): void {
    if (this.keys && !this.written.has(key)) this.keys.add(key);
    this.written.set(key, cell);
  }

  /** What is written while a caller walks along may or may not appear in that walk. */
  range(from: string, to: string): Iterable<readonly [string, Uint8Array]> {
    this.keys ??= new SortedKeys(this.written.keys());
    const own = this.keys.between(from, to);
    // A walk over thousands of records takes a step less each.
    return own.length === 0 ? this.base.range(from, to) : this.merged(own, from, to);
  }

  private *merged(
    own: readonly string[],
    from: string,
    to: string,
  ): Generator<readonly [string, Uint8Array]> {
    let next = 0;
    for (const entry of this.base.range(from, to)) {
      while (next < own.length && own[next]! < entry[0]) yield* this.present(own[next++]!);
      if (next < own.length && own[next] === entry[0]) yield* this.present(own[next++]!);
      else yield entry;
    }
    while (next < own.length) yield* this.present(own[next++]!);
  }

  private *present(key: string): Generator<readonly [string, Uint8Array]> {
    const bytes = this.written.get(key)?.bytes;
    if (bytes) yield [key, bytes];
  }

  /** Number of keys written. */
  get size(): number {
    return this.written.size;
  }

  /** Hands every write to what is below. */
  mergeInto(state: State): void {
    for (const [key, cell] of this.written)
      if (state instanceof Overlay) state.setCell(key, cell);
      else state.set(key, cell.bytes);
  }

  /** The writes in key order, without those that change nothing. */
  changes(): Write[] {
    const changes: Write[] = [];
    for (const [key, { bytes }] of this.written)
      if (!sameBytes(this.before(key), bytes)) changes.push([key, bytes]);
    return changes.sort((a, b) => compareKeys(a[0], b[0]));
  }
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
