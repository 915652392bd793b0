/**
 * The ledger of a watcher: every unspent output, by position and by owner, in columns of typed
 * arrays, about 60 bytes each and none for the garbage collector to visit. What is spent is gone from it
 * (`SpentOutputs` remembers by whom); exits leave no flags in it.
 */
import { PalisadeError } from '@palisade/core';
import { numberOf, writeWord } from '../format/integers.ts';
import { BLOCK_OFFSET, type Position } from '../format/position.ts';
import type { Output } from '../format/transaction.ts';
import type { Effects, Outputs } from '../rules/judge.ts';
import { grown } from './columns.ts';
import { Interner } from './interner.ts';
import { PositionTable } from './position-table.ts';
import { LedgerSnapshot } from './snapshot.ts';

const BLOCK = BigInt(BLOCK_OFFSET);
/** Limbs of 32 bits, the lowest first, that a column keeps of an amount. */
const LIMBS = 4;
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
  private types = new Uint16Array(0);
  private owners = new Uint32Array(0);
  private tokens = new Uint32Array(0);
  private amounts = new Uint32Array(0);
  /** What amounts have beyond 128 bits, by slot: no token in use comes near. */
  private readonly wide = new Map<number, bigint>();
  /** Outputs of one owner are a list: slot + 1 of the neighbours, 0 at its ends. */
  private next = new Uint32Array(0);
  private previous = new Uint32Array(0);
  private heads = new Uint32Array(0);
  private readonly table = new PositionTable((capacity) => this.grow(capacity));
  private readonly ownerOf = new Interner();
  private readonly tokenOf = new Interner();
  private newest: LedgerSnapshot | undefined;

  private grow(capacity: number): void {
    this.types = grown(this.types, capacity);
    this.owners = grown(this.owners, capacity);
    this.tokens = grown(this.tokens, capacity);
    this.amounts = grown(this.amounts, capacity * LIMBS);
    this.next = grown(this.next, capacity);
    this.previous = grown(this.previous, capacity);
  }

  /** Outputs in it. */
  get size(): number {
    return this.table.size;
  }

  /** Bytes of all its columns. */
  get bytes(): number {
    const columns = [
      ...[this.types, this.owners, this.tokens, this.amounts],
      ...[this.next, this.previous, this.heads],
    ];
    const own = columns.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return own + this.table.bytes + this.ownerOf.bytes + this.tokenOf.bytes;
  }

  has(position: Position): boolean {
    return this.table.find(position) >= 0;
  }

  get(position: Position): Output | undefined {
    const slot = this.table.find(position);
    return slot < 0 ? undefined : this.outputAt(slot);
  }

  private outputAt(slot: number): Output {
    let amount = this.wide.get(slot) ?? 0n;
    for (let limb = LIMBS - 1; limb >= 0; limb--)
      amount = (amount << 32n) | BigInt(this.amounts[slot * LIMBS + limb]!);
    return {
      type: this.types[slot]!,
      owner: this.ownerOf.address(this.owners[slot]!),
      token: this.tokenOf.address(this.tokens[slot]!),
      amount,
    };
  }

  /** @throws PalisadeError `payments/output-exists`: a bug, positions are made once */
  create(position: Position, output: Output): void {
    const slot = this.table.add(position);
    if (slot < 0) throw exists(position);
    this.newest?.note(position, undefined);
    this.types[slot] = output.type;
    for (let limb = 0, rest = output.amount; limb < LIMBS; limb++, rest >>= 32n)
      this.amounts[slot * LIMBS + limb] = Number(BigInt.asUintN(32, rest));
    const wide = output.amount >> BigInt(32 * LIMBS);
    if (wide > 0n) this.wide.set(slot, wide);
    this.link(slot, output.owner, 0, output.token, 0);
  }

  /** Names owner and token of a slot, and puts it first in its owner's list. */
  private link(
    slot: number,
    owner: Uint8Array,
    ownerAt: number,
    token: Uint8Array,
    tokenAt: number,
  ): void {
    const who = this.ownerOf.acquire(owner, ownerAt);
    this.owners[slot] = who;
    this.tokens[slot] = this.tokenOf.acquire(token, tokenAt);
    if (who >= this.heads.length)
      this.heads = grown(this.heads, Math.max(1024, Math.ceil((who + 1) * 1.3)));
    const head = this.heads[who]!;
    this.next[slot] = head;
    this.previous[slot] = 0;
    if (head > 0) this.previous[head - 1] = slot + 1;
    this.heads[who] = slot + 1;
  }

  /** Takes an output out and answers with it; undefined when it is not there. */
  spend(position: Position): Output | undefined {
    const slot = this.table.find(position);
    if (slot < 0) return undefined;
    const output = this.outputAt(slot);
    this.newest?.note(position, output);
    const [before, after] = [this.previous[slot]!, this.next[slot]!];
    if (before > 0) this.next[before - 1] = after;
    else this.heads[this.owners[slot]!] = after;
    if (after > 0) this.previous[after - 1] = before;
    this.ownerOf.release(this.owners[slot]!);
    this.tokenOf.release(this.tokens[slot]!);
    this.wide.delete(slot);
    this.table.remove(slot);
    return output;
  }

  /** Does what a judged transaction does. */
  apply({ spent, created }: Effects): void {
    for (const position of spent) this.spend(position);
    for (const { position, output } of created) this.create(position, output);
  }

  /** Outputs of an owner, the newest first: no search goes over the others. */
  *outputsOf(owner: Uint8Array): Generator<Placed> {
    const who = this.ownerOf.find(owner);
    for (let at = who < 0 ? 0 : this.heads[who]!; at > 0; at = this.next[at - 1]!)
      yield { position: this.table.position(at - 1), output: this.outputAt(at - 1) };
  }

  /** All outputs, in no order that means anything. */
  *outputs(): Generator<Placed> {
    for (const slot of this.table.occupied())
      yield { position: this.table.position(slot), output: this.outputAt(slot) };
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
   * @param count how many there are in all, where it is known: the columns grow once
   * @throws PalisadeError `payments/bad-image`
   */
  load(chunks: Iterable<Uint8Array>, count = 0): void {
    this.table.reserve(this.size + count);
    for (const chunk of chunks) {
      if (chunk.length % OUTPUT_RECORD_BYTES !== 0) throw badImage('a chunk ends within a record');
      const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      for (let at = 0; at < chunk.length; at += OUTPUT_RECORD_BYTES) this.loadOne(chunk, view, at);
    }
  }

  private loadOne(chunk: Uint8Array, view: DataView, at: number): void {
    const block = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
    const slot = this.table.addParts(block, view.getUint32(at + PLACE_AT));
    if (slot < 0) throw badImage('it has one position twice');
    this.types[slot] = view.getUint16(at + TYPE_AT);
    for (let limb = 0; limb < LIMBS; limb++)
      this.amounts[slot * LIMBS + limb] = view.getUint32(at + AMOUNT_AT + 28 - 4 * limb);
    const wide = readWide(view, at + AMOUNT_AT);
    if (wide > 0n) this.wide.set(slot, wide);
    this.link(slot, chunk, at + OWNER_AT, chunk, at + TOKEN_AT);
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
  const words = [0, 4, 8, 12];
  if (words.every((word) => view.getUint32(at + word) === 0)) return 0n;
  return words.reduce((sum, word) => (sum << 32n) | BigInt(view.getUint32(at + word)), 0n);
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
