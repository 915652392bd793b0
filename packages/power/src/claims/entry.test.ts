import { Overlay } from '@palisade/chain';
import { decode, encode, list } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import {
  delegations,
  ENTRY,
  type Entry,
  entriesOf,
  entryColumns,
  entryRecord,
  hasFreed,
  lentAt,
  listed,
  raised,
  shrunk,
} from './entry.ts';
import { addLent, lentSum, lentSums } from './lent.ts';

const entry = (byte: number, kind: number, until: bigint, amount: bigint): Entry => ({
  ...{ collator: new Uint8Array(32).fill(byte), generation: 70_000 + byte, kind, until, amount },
});
const ENTRIES = [
  entry(1, ENTRY.delegated, 0n, 2n ** 62n + 7n),
  entry(2, ENTRY.delegated, 0n, 1n),
  entry(3, ENTRY.unbonding, 300n, 2n ** 32n - 1n),
  entry(1, ENTRY.quarantined, 259n, 5n),
];

describe('entries in columns', () => {
  const columns = entriesOf(ENTRIES);

  it('are the entries that they were made of, and have the bytes of their list', () => {
    expect(listed(columns)).toEqual(ENTRIES);
    expect(listed(delegations(columns))).toEqual(ENTRIES.slice(0, 2));
    expect(columns.bound).toBe(2n ** 62n + 2n ** 32n + 12n);
    expect([258n, 259n].map((session) => hasFreed(columns, session))).toEqual([false, true]);
    const found = [1, 2, 3, 4].map((byte) => lentAt(columns, 70_000 + byte));
    expect(found).toEqual([0, 1, undefined, undefined]);
    const bytes = encode(list(entryRecord, 4), ENTRIES);
    expect(encode(entryColumns, columns)).toEqual(bytes);
    expect(decode(entryColumns, bytes)).toEqual(columns);
  });

  it('change by a delegation, and leave alone what was given', () => {
    const more = raised(columns, 1, 41n);
    expect(listed(more)).toEqual(
      ENTRIES.map((one, i) => (i === 1 ? { ...one, amount: 42n } : one)),
    );
    expect(more.bound).toBe(columns.bound + 41n);
    expect(listed(columns)).toEqual(ENTRIES);
  });

  it('[P4] shrink by differences of rounded running sums, and nothing is left of what was too little', () => {
    const heard: [number, bigint][] = [];
    const half = shrunk(columns, 2n ** 63n, 2n ** 62n, (...change) => heard.push(change));
    const left = [2n ** 61n + 3n, 1n, 2n ** 31n - 1n, 3n];
    const expected = ENTRIES.map((one, i) => ({ ...one, amount: left[i]! }));
    expect(listed(half)).toEqual(expected);
    expect(half.bound).toBe(left.reduce((sum, one) => sum + one));
    expect(heard[0]).toEqual([70_001, left[0]! - ENTRIES[0]!.amount]);
    const few = shrunk(entriesOf(ENTRIES.slice(1)), 2n ** 33n, 1n, () => undefined);
    expect(few).toEqual(entriesOf([]));
    const first = shrunk(columns, 2n ** 63n, 2n, () => undefined);
    expect(first).toEqual(entriesOf([{ ...ENTRIES[0]!, amount: 1n }]));
  });
});

describe('running sums', () => {
  it('stand apart by registration, and a page without any is no record', () => {
    const state = new Overlay({ get: () => undefined, range: () => [] });
    for (const generation of [0, 7, 8, 4_000_000_000]) addLent(state, generation, 2n ** 62n);
    addLent(state, 7, -5n);
    addLent(state, 8, -(2n ** 62n));
    const expected = [2n ** 62n, 2n ** 62n - 5n, 0n, 0n, 2n ** 62n];
    const all = lentSums(state);
    expect([0, 7, 8, 9, 4_000_000_000].map(all)).toEqual(expected);
    expect([0, 7, 8, 9, 4_000_000_000].map((one) => lentSum(state, one))).toEqual(expected);
    expect(state.changes()).toHaveLength(2);
  });
});
