import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAmount } from './format-amount.ts';

const PAL = 10n ** 18n;

describe('an amount for people', () => {
  it('has all decimals that matter, and no others', () => {
    expect([0n, 1n, PAL, (3n * PAL) / 2n, -PAL / 4n].map((one) => formatAmount(one))).toEqual([
      ...['0 PAL', '0.000000000000000001 PAL', '1 PAL', '1.5 PAL', '-0.25 PAL'],
    ]);
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 128n), (amount) => {
        const [, whole, fraction = ''] = /^(\d+)(?:\.(\d*[1-9]))? PAL$/.exec(formatAmount(amount))!;
        expect(BigInt(`${whole}${fraction.padEnd(18, '0')}`)).toBe(amount);
      }),
    );
  });

  it('stays in base units where the decimals of a denomination are not known', () => {
    expect(formatAmount(150n, 'credits')).toBe('150 credits');
  });
});
