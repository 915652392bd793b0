import { Overlay } from '@palisade/chain';
import { describe, expect, it } from 'vitest';
import { ENTRY, ENTRY_BYTES, type Entry } from './claim.ts';
import { addLent, lentSum, lentSums } from './lent.ts';
import * as rows from './packed.ts';

const entry = (byte: number, kind: number, until: bigint, amount: bigint): Entry => ({
  ...{ collator: new Uint8Array(32).fill(byte), generation: 70_000 + byte, kind, until, amount },
});
const ENTRIES = [
  entry(1, ENTRY.delegated, 0n, 2n ** 62n + 7n),
  entry(2, ENTRY.delegated, 0n, 1n),
  entry(3, ENTRY.unbonding, 300n, 2n ** 32n - 1n),
  entry(1, ENTRY.quarantined, 259n, 5n),
];

describe('entries in a row', () => {
  const row = rows.packed(ENTRIES);

  it('are read where they stand as they are when taken apart', () => {
    expect(row).toHaveLength(ENTRIES.length * ENTRY_BYTES);
    expect(rows.unpacked(row)).toEqual(ENTRIES);
    expect(rows.unpacked(rows.delegations(row))).toEqual(ENTRIES.slice(0, 2));
    expect(rows.boundPower({ entries: row })).toBe(2n ** 62n + 2n ** 32n + 12n);
    expect([258n, 259n].map((session) => rows.hasFreed(row, session))).toEqual([false, true]);
    const found = [1, 2, 3, 4].map((byte) => rows.lentAt(row, 70_000 + byte));
    expect(found).toEqual([0, ENTRY_BYTES, undefined, undefined]);
    expect(rows.amountAt(row, ENTRY_BYTES)).toBe(1n);
  });

  it('change by a delegation in place, and leave the row that was given alone', () => {
    const more = rows.unpacked(rows.raised(row, ENTRY_BYTES, 41n));
    expect(more).toEqual(ENTRIES.map((one, i) => (i === 1 ? { ...one, amount: 42n } : one)));
    expect(rows.unpacked(row)).toEqual(ENTRIES);
  });

  it('[P4] shrink by differences of rounded running sums, and nothing is left of what was too little', () => {
    const heard: [number, bigint][] = [];
    const half = rows.shrunk(row, 2n ** 63n, 2n ** 62n, (...change) => heard.push(change));
    const left = [2n ** 61n + 3n, 1n, 2n ** 31n - 1n, 3n];
    expect(rows.unpacked(half)).toEqual(ENTRIES.map((one, i) => ({ ...one, amount: left[i] })));
    expect(heard[0]).toEqual([70_001, left[0]! - ENTRIES[0]!.amount]);
    const few = rows.shrunk(rows.packed(ENTRIES.slice(1)), 2n ** 33n, 1n, () => undefined);
    expect(few).toHaveLength(0);
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
