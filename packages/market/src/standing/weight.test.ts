import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SCALE } from './score.ts';
import { pairShare, testimony, valueWeight, weightOf } from './weight.ts';

const PAL = 10n ** 18n;
const amount = fc.bigInt(0n, 10n ** 30n);

describe('weights', () => {
  it('of a value are capped at one', () => {
    expect([0n, PAL / 2n, PAL, 1000n * PAL].map((value) => valueWeight(value, PAL))).toEqual([
      0n,
      SCALE / 2n,
      SCALE,
      SCALE,
    ]);
  });

  it('of meetings of the same two are 1, 1/2, 1/4 ...: all of a period together weigh no more than two', () => {
    expect([0, 1, 2, 3].map(pairShare)).toEqual([SCALE, SCALE / 2n, SCALE / 4n, SCALE / 8n]);
    let sum = 0n;
    for (let before = 0; before < 1000; before++) sum += pairShare(before);
    expect(sum).toBeLessThan(2n * SCALE);
  });

  it('of a word grow with the fees ever paid, nothing at first, and never reach one', () => {
    expect([0n, PAL / 10n, PAL].map((fees) => testimony(fees, PAL / 10n))).toEqual([
      0n,
      SCALE / 2n,
      909_090n,
    ]);
    fc.assert(
      fc.property(amount, amount, fc.bigInt(1n, 10n ** 30n), (fees, more, half) => {
        const word = testimony(fees, half);
        expect(word).toBeLessThanOrEqual(SCALE);
        expect(testimony(fees + more, half)).toBeGreaterThanOrEqual(word);
      }),
      { seed: 1 },
    );
  });

  it('of many keys that share the fees of one add up to about the first share of it, no multiple', () => {
    const half = PAL / 10n;
    const [fees, keys] = [PAL, 50n];
    // What fifty keys say together is bounded by what all their fees bought at the first unit's price.
    const together = keys * testimony(fees / keys, half);
    expect(together).toBeLessThanOrEqual((fees * SCALE) / half);
  });

  it('multiply, rounded down at each step', () => {
    expect(weightOf()).toBe(SCALE);
    expect(weightOf(SCALE, SCALE)).toBe(SCALE);
    expect(weightOf(333_333n, 3n)).toBe(0n);
    expect(weightOf(SCALE / 2n, SCALE / 4n)).toBe(SCALE / 8n);
  });
});
