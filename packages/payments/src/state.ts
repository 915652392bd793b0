/** What payments keep on the chain: outputs, the child block being made, and reports on the root chain. */
import { bytesKey, collection, type KeyPart, type State, u64Key } from '@palisade/chain';
import {
  address,
  bytes32,
  type Infer,
  type KeyValueReader,
  list,
  record,
  toBinaryString,
  u8,
  u16,
  u32,
  u64,
} from '@palisade/core';
import { numberOf, wordOf } from './format/integers.ts';
import { BLOCK_OFFSET, type Position } from './format/position.ts';
import type { Output } from './format/transaction.ts';
import { MAX_FEE_TOKENS } from './params.ts';

const BLOCK = BigInt(BLOCK_OFFSET);

/** Block number and place in it, big-endian: sorts as positions do, which pass 64 bits. */
const positionKey: KeyPart<Position> = {
  width: 12,
  write(position) {
    const bytes = new Uint8Array(12);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, position / BLOCK);
    view.setUint32(8, Number(position % BLOCK));
    return toBinaryString(bytes);
  },
  read(text, from) {
    let [block, place] = [0n, 0n];
    for (let i = 0; i < 8; i++) block = block * 256n + BigInt(text.charCodeAt(from + i));
    for (let i = 8; i < 12; i++) place = place * 256n + BigInt(text.charCodeAt(from + i));
    return block * BLOCK + place;
  },
};

const store = 'payments';
const tokenPart = bytesKey(20);

export const outputRecord = record('OutputRecord', {
  type: u8.is('1 of a payment or deposit, 2 of a fee claim'),
  owner: address,
  token: address,
  amount: bytes32.is('Base units, big-endian'),
});

const outputs = collection({ store, name: 'output', key: [positionKey], value: outputRecord });
/** Positions of an owner. */
const outputsOf = collection({
  store,
  name: 'output-of',
  key: [bytesKey(20), positionKey],
  value: u8,
});

/** Open exits of an output: while there is one, it cannot be spent. */
export const exiting = collection({ store, name: 'exiting', key: [positionKey], value: u16 });

export const openBlockRecord = record('OpenChildBlock', {
  blknum: u64,
  count: u32.is('Transactions in it'),
  firstHeight: u64.is('First block of this chain whose payments it holds'),
});
export const openChildBlock = collection({ store, name: 'open', key: [], value: openBlockRecord });
/** Leaf hashes of the open block's transactions; the transactions are in this chain's own blocks. */
export const leaves = collection({ store, name: 'leaf', key: [u64Key], value: bytes32 });
/** What the open block's payments have left, by token. */
export const collected = collection({ store, name: 'collected', key: [tokenPart], value: bytes32 });

export const childBlockRecord = record('ChildBlockRecord', {
  root: bytes32.is('What the root chain is given'),
  transactions: u32,
  firstHeight: u64.is('Blocks of this chain that its payments are in, from'),
  lastHeight: u64.is('… to'),
  timeMs: u64.is('When it was closed'),
  claims: list(
    record('FeeClaimed', { claimer: address, token: address, amount: bytes32 }),
    2 * MAX_FEE_TOKENS,
  ).is('Fees claimed, its last transactions'),
});
export type ChildBlockRecord = Infer<typeof childBlockRecord>;
/** Proven: whoever submits roots to the root chain can be held to them. */
export const CHILD_BLOCKS = 'childBlocks';
export const childBlocks = collection({
  store: CHILD_BLOCKS,
  name: 'block',
  key: [u64Key],
  value: childBlockRecord,
});
export const blockOfRoot = collection({
  store,
  name: 'block-of-root',
  key: [bytesKey(32)],
  value: u64,
});

export const totalsRecord = record('TokenTotals', {
  deposited: bytes32.is('Credited by deposits'),
  exited: bytes32.is('Paid out by exits of outputs that were there'),
  unbacked: bytes32.is('Paid out by exits of outputs that were not: missing in the vault'),
});
export const totals = collection({ store, name: 'totals', key: [tokenPart], value: totalsRecord });

type OutputRecord = Infer<typeof outputRecord>;
const toOutput = (record: OutputRecord): Output => ({ ...record, amount: numberOf(record.amount) });

export function outputAt(state: KeyValueReader, position: Position): Output | undefined {
  const found = outputs.get(state, position);
  return found && toOutput(found);
}

export function create(state: State, position: Position, output: Output): void {
  outputs.set(state, [position], { ...output, amount: wordOf(output.amount) });
  outputsOf.set(state, [output.owner, position], 0);
}

/** Takes out an output that is there. */
export function remove(state: State, position: Position): void {
  const { owner } = outputs.need(state, position);
  outputs.delete(state, position);
  outputsOf.delete(state, owner, position);
}

/** All outputs, by position. */
export function* allOutputs(
  state: KeyValueReader,
): Generator<readonly [position: Position, output: Output]> {
  for (const [[position], output] of outputs.list(state)) yield [position, toOutput(output)];
}

/** Positions of an owner that come after one, in their order. */
export function* positionsOf(
  state: KeyValueReader,
  owner: Uint8Array,
  after: Position,
): Generator<Position> {
  for (const [[, position]] of outputsOf.listAfter(state, [owner, after], owner)) yield position;
}

/** Positions that the index by owner has in all. */
export function countIndexed(state: KeyValueReader): number {
  let count = 0;
  for (const _ of outputsOf.list(state)) count++;
  return count;
}

const ZERO = wordOf(0n);
const NO_TOTALS = { deposited: ZERO, exited: ZERO, unbacked: ZERO };

export function totalOf(
  state: KeyValueReader,
  token: Uint8Array,
  name: keyof typeof NO_TOTALS,
): bigint {
  return numberOf((totals.get(state, token) ?? NO_TOTALS)[name]);
}

export function addToTotal(
  state: State,
  token: Uint8Array,
  name: keyof typeof NO_TOTALS,
  amount: bigint,
): void {
  const sum = wordOf(totalOf(state, token, name) + amount);
  totals.set(state, [token], { ...(totals.get(state, token) ?? NO_TOTALS), [name]: sum });
}
