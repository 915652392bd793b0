/**
 * The ledger of a watcher: every unspent output, by position and by owner, in rows of a typed array,
 * about 70 bytes each with its indexes, none for the garbage collector to visit. What is spent is
 * gone from it; exits leave no flags in it.
 */
import { PalisadeError } from '@palisade/core';
import { numberOf, writeWord } from '../format/integers.ts';
import { BLOCK_OFFSET, type Position } from '../format/position.ts';
import type { Output } from '../format/transaction.ts';
import type { Effects, Outputs } from '../rules/judge.ts';
import { Interner } from './interner.ts';
import { AHEAD } from './open-index.ts';
import { KEY_WORDS, PositionTable } from './position-table.ts';
import { LedgerSnapshot } from './snapshot.ts';

const BLOCK = BigInt(BLOCK_OFFSET);
/** Words of a row behind its key. Outputs of one owner are a list: row + 1 of neighbours, 0 at ends. */
const TYPE = KEY_WORDS;
const OWNER = KEY_WORDS + 1;
const TOKEN = KEY_WORDS + 2;
const NEXT = KEY_WORDS + 3;
const PREVIOUS = KEY_WORDS + 4;
/** The first of the words of an amount, the lowest first. */
const AMOUNT = KEY_WORDS + 5;
/** Words of 32 bits that a row keeps of an amount. */
const LIMBS = 4;
const WIDTH = AMOUNT + LIMBS;
/** Bytes of an output in an image: block, place in it, type, owner, token, amount. */
export const OUTPUT_RECORD_BYTES = 8 + 4 + 2 + 20 + 20 + 32;
const PLACE_AT = 8;
const TYPE_AT = 12;
const OWNER_AT = 14;
const TOKEN_AT = 34;
const AMOUNT_AT = 54;
/** An output and where it is. */
export type Placed = { readonly position: Position; readonly output: Output };

export class Ledger implements Outputs {
  /** What amounts have beyond 128 bits, by row: no token in use comes near. */
  private readonly wide = new Map<number, bigint>();
  private readonly table = new PositionTable(WIDTH - KEY_WORDS);
  /** Notes the first output of each owner, as row + 1. */
  private readonly owners = new Interner();
  private readonly tokens = new Interner();
  /** First outputs of owners that are looked ahead to. */
  private readonly firsts = new Int32Array(AHEAD);
  private newest: LedgerSnapshot | undefined;

  /** Outputs in it. */
  get size(): number {
    return this.table.size;
  }

  /** Bytes of all that it keeps. */
  get bytes(): number {
    return this.table.bytes + this.owners.bytes + this.tokens.bytes;
  }

  has(position: Position): boolean {
    return this.table.find(position) >= 0;
  }

  get(position: Position): Output | undefined {
    const row = this.table.find(position);
    return row < 0 ? undefined : this.outputAt(row);
  }

  private outputAt(row: number): Output {
    const { words } = this.table.rows;
    const at = row * WIDTH;
    let amount = this.wide.get(row) ?? 0n;
    for (let limb = LIMBS - 1; limb >= 0; limb--)
      amount = (amount << 32n) | BigInt(words[at + AMOUNT + limb]!);
    return {
      type: words[at + TYPE]!,
      owner: this.owners.address(words[at + OWNER]!),
      token: this.tokens.address(words[at + TOKEN]!),
      amount,
    };
  }

  /** @throws PalisadeError `payments/output-exists`: a bug, positions are made once */
  create(position: Position, output: Output): void {
    const row = this.table.add(position);
    if (row < 0) throw exists(position);
    this.newest?.note(position, undefined);
    const { words } = this.table.rows;
    const at = row * WIDTH;
    words[at + TYPE] = output.type;
    for (let limb = 0, rest = output.amount; limb < LIMBS; limb++, rest >>= 32n)
      words[at + AMOUNT + limb] = Number(BigInt.asUintN(32, rest));
    const wide = output.amount >> BigInt(32 * LIMBS);
    if (wide > 0n) this.wide.set(row, wide);
    this.link(row, this.owners.acquire(output.owner), this.tokens.acquire(output.token));
  }

  /** Names owner and token of a row, and puts it first in its owner's list. */
  private link(row: number, owner: number, token: number): void {
    const { words } = this.table.rows;
    const at = row * WIDTH;
    const first = this.owners.note(owner);
    words[at + OWNER] = owner;
    words[at + TOKEN] = token;
    words[at + NEXT] = first;
    words[at + PREVIOUS] = 0;
    if (first > 0) words[(first - 1) * WIDTH + PREVIOUS] = row + 1;
    this.owners.setNote(owner, row + 1);
  }

  /** Takes an output out and answers with it; undefined when it is not there. */
  spend(position: Position): Output | undefined {
    const row = this.table.find(position);
    if (row < 0) return undefined;
    const output = this.outputAt(row);
    this.newest?.note(position, output);
    const { words } = this.table.rows;
    const at = row * WIDTH;
    const [before, after] = [words[at + PREVIOUS]!, words[at + NEXT]!];
    if (before > 0) words[(before - 1) * WIDTH + NEXT] = after;
    else this.owners.setNote(words[at + OWNER]!, after);
    if (after > 0) words[(after - 1) * WIDTH + PREVIOUS] = before;
    this.owners.release(words[at + OWNER]!);
    this.tokens.release(words[at + TOKEN]!);
    this.wide.delete(row);
    this.table.remove(row);
    return output;
  }

  /** Does what a judged transaction does. */
  apply({ spent, created }: Effects): void {
    for (const position of spent) this.spend(position);
    for (const { position, output } of created) this.create(position, output);
  }

  /** Outputs of an owner, the newest first: no search goes over the others. */
  *outputsOf(owner: Uint8Array): Generator<Placed> {
    const who = this.owners.find(owner);
    let at = who < 0 ? 0 : this.owners.note(who);
    for (; at > 0; at = this.table.rows.words[(at - 1) * WIDTH + NEXT]!)
      yield { position: this.table.position(at - 1), output: this.outputAt(at - 1) };
  }

  /** All outputs, in no order that means anything. */
  *outputs(): Generator<Placed> {
    for (const row of this.table.occupied())
      yield { position: this.table.position(row), output: this.outputAt(row) };
  }

  /** The ledger as it is now, for as long as nobody closes it. */
  snapshot(): LedgerSnapshot {
    this.newest = new LedgerSnapshot(this, this.newest, (closed) => {
      if (this.newest === closed) this.newest = closed.older;
    });
    return this.newest;
  }

  /**
   * Adds the outputs of an image: chunks of whole records as `outputRecord` writes them.
   * @param count how many there are in all, where it is known: the rows grow once
   * @throws PalisadeError `payments/bad-image`
   */
  load(chunks: Iterable<Uint8Array>, count = 0): void {
    if (this.newest) throw badImage('a snapshot is open, which would see them');
    this.table.reserve(this.size + count);
    for (const chunk of chunks) {
      if (chunk.length % OUTPUT_RECORD_BYTES !== 0) throw badImage('a chunk ends within a record');
      const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      for (let from = 0; from < chunk.length; from += AHEAD * OUTPUT_RECORD_BYTES) {
        const end = Math.min(chunk.length, from + AHEAD * OUTPUT_RECORD_BYTES);
        this.lookAhead(chunk, view, from, end);
        for (let at = from; at < end; at += OUTPUT_RECORD_BYTES) this.loadOne(chunk, view, at);
      }
    }
  }

  /** Brings what records from `from` to `end` will be linked to into the processor's cache, all at once. */
  private lookAhead(chunk: Uint8Array, view: DataView, from: number, end: number): void {
    let count = 0;
    for (let at = from; at < end; at += OUTPUT_RECORD_BYTES, count++) {
      const place = view.getUint32(at + PLACE_AT);
      this.table.foresee(count, view.getUint32(at), view.getUint32(at + 4), place);
      this.owners.foresee(count, chunk, at + OWNER_AT);
    }
    const { firsts } = this;
    this.table.peek(count);
    this.owners.peek(count, firsts);
    const { words } = this.table.rows;
    for (let i = 0; i < count; i++) {
      const first = firsts[i]!;
      if (first > 0) firsts[i] = words[(first - 1) * WIDTH + PREVIOUS]!;
    }
  }

  private loadOne(chunk: Uint8Array, view: DataView, at: number): void {
    const place = view.getUint32(at + PLACE_AT);
    const row = this.table.addWords(view.getUint32(at), view.getUint32(at + 4), place);
    if (row < 0) throw badImage('it has one position twice');
    const { words } = this.table.rows;
    words[row * WIDTH + TYPE] = view.getUint16(at + TYPE_AT);
    for (let limb = 0; limb < LIMBS; limb++)
      words[row * WIDTH + AMOUNT + limb] = view.getUint32(at + AMOUNT_AT + 28 - 4 * limb);
    const wide = readWide(view, at + AMOUNT_AT);
    if (wide > 0n) this.wide.set(row, wide);
    const owner = this.owners.acquire(chunk, at + OWNER_AT);
    this.link(row, owner, this.tokens.acquire(chunk, at + TOKEN_AT));
  }
}

/** An output as an image has it, all numbers big-endian. */
export function outputRecord({ position, output }: Placed): Uint8Array {
  const record = new Uint8Array(OUTPUT_RECORD_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, position / BLOCK);
  view.setUint32(PLACE_AT, Number(position % BLOCK));
  view.setUint16(TYPE_AT, output.type);
  record.set(output.owner, OWNER_AT);
  record.set(output.token, TOKEN_AT);
  writeWord(record, AMOUNT_AT, output.amount);
  return record;
}

/** The output of one record. */
export function readOutputRecord(record: Uint8Array): Placed {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const output = {
    type: view.getUint16(TYPE_AT),
    owner: record.slice(OWNER_AT, TOKEN_AT),
    token: record.slice(TOKEN_AT, AMOUNT_AT),
    amount: numberOf(record.subarray(AMOUNT_AT)),
  };
  return { position: view.getBigUint64(0) * BLOCK + BigInt(view.getUint32(PLACE_AT)), output };
}

/** What the amount of a record has beyond 128 bits: mostly nothing, and then no bigint is made. */
function readWide(view: DataView, at: number): bigint {
  const [a, b] = [view.getUint32(at), view.getUint32(at + 4)];
  const [c, d] = [view.getUint32(at + 8), view.getUint32(at + 12)];
  if ((a | b | c | d) === 0) return 0n;
  return [a, b, c, d].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
}

function exists(position: Position): PalisadeError {
  return new PalisadeError({
    code: 'payments/output-exists',
    message: `There is an output at ${position} already.`,
  });
}

function badImage(why: string): PalisadeError {
  return new PalisadeError({
    code: 'payments/bad-image',
    message: `These records are not an image of a ledger: ${why}.`,
    next: 'Load it again from where it was saved, or sync from the root chain.',
  });
}
