import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bidFor, breakEvenPrice, isBondTooSmall, urgencyOf } from './gas.ts';

const GWEI = 10n ** 9n;
const ETHER = 10n ** 18n;
const margins = { slaBlocks: 100, blockTimeMs: 12_000 };
const question = {
  urgency: 'calm',
  bond: 14n * 10n ** 15n,
  gas: 261_000n,
  baseFee: 10n * GWEI,
  balance: ETHER,
} as const;

describe('the price of a challenge', () => {
  it('[X13] breaks even at the prices that were measured: 53 gwei in v1, 89 gwei in v2', () => {
    expect(breakEvenPrice(14n * 10n ** 15n, 261_000n) / GWEI).toBe(53n);
    expect(breakEvenPrice(233n * 10n ** 14n, 261_000n) / GWEI).toBe(89n);
  });

  it('[X9] grows more urgent as the end comes nearer', () => {
    const at = (seconds: number) => urgencyOf(margins, seconds, 10_000);
    expect([6000, 4000, 1199, 299, -5].map(at)).toEqual([
      'calm',
      'rising',
      'urgent',
      'last',
      'last',
    ]);
  });

  it('[X9] never costs more than the bond while there is time, and more later', () => {
    const dear = { ...question, baseFee: 60n * GWEI };
    expect(bidFor(dear)).toEqual({ send: false, reason: 'too-dear-for-now' });
    expect(bidFor({ ...dear, urgency: 'rising' })).toMatchObject({ send: true, atALoss: true });
    expect(bidFor({ ...dear, baseFee: 600n * GWEI, urgency: 'urgent' }).send).toBe(false);
    expect(bidFor({ ...dear, baseFee: 600n * GWEI, urgency: 'last' })).toMatchObject({
      send: true,
      atALoss: true,
    });
  });

  it('[X10] what the account does not hold cannot be bid', () => {
    const poor = { ...question, balance: 261_000n * 9n * GWEI };
    expect(bidFor(poor)).toEqual({ send: false, reason: 'not-enough-funds' });
  });

  it('[X9] whatever is bid can be paid, includes the base fee, and keeps to its bound', () => {
    const amounts = fc.bigInt({ min: 1n, max: ETHER });
    const urgency = fc.constantFrom('calm', 'rising', 'urgent', 'last' as const);
    fc.assert(
      fc.property(
        urgency,
        amounts,
        amounts,
        fc.bigInt(1n, 2000n * GWEI),
        (u, bond, balance, fee) => {
          const bid = bidFor({ ...question, urgency: u, bond, balance, baseFee: fee });
          if (!bid.send) return;
          expect(bid.maxFeePerGas * question.gas).toBeLessThanOrEqual(balance);
          expect(bid.maxFeePerGas).toBeGreaterThan(fee);
          expect(bid.maxPriorityFeePerGas).toBeLessThanOrEqual(bid.maxFeePerGas - fee);
          expect(bid.maxPriorityFeePerGas).toBeGreaterThan(0n);
          if (u === 'calm') expect(bid.maxFeePerGas * question.gas).toBeLessThanOrEqual(bond);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('[X13] a bond that repays less than one and a half challenges is too small', () => {
    expect(isBondTooSmall(150n, 10n, 10n)).toBe(false);
    expect(isBondTooSmall(149n, 10n, 10n)).toBe(true);
  });
});
