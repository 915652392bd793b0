import { ENTRY } from '@palisade/power/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sharesOf } from './lender.ts';

const key = (byte: number) => new Uint8Array(32).fill(byte);
const entry = (byte: number, amount: bigint, kind: number = ENTRY.delegated) => ({
  ...{ collator: key(byte), generation: 0, kind, until: 0n, amount },
});

describe('what a miner lends by itself', () => {
  it('[P5] is never more than it has, and the same to everybody', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 60n), fc.integer({ min: 1, max: 10 }), (raw, count) => {
        const to = Array.from({ length: count }, (_, i) => key(i + 1));
        const shares = sharesOf({ raw, entries: [] }, to);
        const sum = shares.reduce((total, { amount }) => total + amount, 0n);
        expect(sum).toBeLessThanOrEqual(raw);
        expect(raw - sum).toBeLessThan(raw < BigInt(count) ? raw + 1n : BigInt(count));
        expect(new Set(shares.map(({ amount }) => amount)).size).toBeLessThanOrEqual(1);
      }),
      { numRuns: 200 },
    );
  });

  it('[P4] is made up for, where it shrank with the power and the power came back', () => {
    const entries = [entry(1, 40n), entry(2, 20n), entry(1, 7n, ENTRY.unbonding)];
    expect(sharesOf({ raw: 100n, entries }, [key(1), key(2)])).toEqual([
      { collator: key(1), amount: 10n },
      { collator: key(2), amount: 30n },
    ]);
    expect(sharesOf({ raw: 80n, entries: [entry(1, 40n), entry(2, 40n)] }, [key(1)])).toEqual([
      { collator: key(1), amount: 40n },
    ]);
    expect(sharesOf({ raw: 80n, entries: [entry(1, 40n), entry(2, 40n)] }, [])).toEqual([]);
  });
});
