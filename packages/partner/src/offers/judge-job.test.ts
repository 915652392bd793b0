import { isRefusal } from '@palisade/core';
import { UTILITY } from '@palisade/market/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeJob } from './judge-job.ts';

const terms = { utility: UTILITY.storage, price: 1000n, maxSessions: 10, maxSizeBytes: 2 ** 38 };
const job = { utility: 1, size: 3n * 2n ** 20n, sessions: 2, maxRate: 3000n };
const codeOf = (answer: unknown) => (isRefusal(answer) ? answer.code : answer);

describe('judging a job', () => {
  it('[P2V-3] asks the price for every started MiB, and for one at least', () => {
    expect(judgeJob(job, terms)).toBe(3000n);
    expect(judgeJob({ ...job, size: 3n * 2n ** 20n + 1n, maxRate: 4000n }, terms)).toBe(4000n);
    expect(judgeJob({ ...job, size: 0n }, terms)).toBe(1000n);
  });

  it('[P2V-2] declines what pays too little, runs too long, or is no storage', () => {
    expect(codeOf(judgeJob({ ...job, maxRate: 2999n }, terms))).toBe('partner/rate-too-low');
    expect(codeOf(judgeJob({ ...job, sessions: 11 }, terms))).toBe('partner/term-too-long');
    expect(codeOf(judgeJob({ ...job, sessions: 0 }, terms))).toBe('partner/term-too-long');
    expect(codeOf(judgeJob({ ...job, utility: 2 }, terms))).toBe('partner/other-utility');
    expect(codeOf(judgeJob({ ...job, size: 2n ** 38n + 1n }, terms))).toBe('partner/too-large');
  });

  it('offers computation up to all that the client allows: what it costs shows when it is over', () => {
    const computing = { ...terms, utility: UTILITY.computation };
    const wanted = { ...job, utility: UTILITY.computation, size: 100n };
    expect(judgeJob({ ...wanted, maxRate: 77_000n }, computing)).toBe(77_000n);
    expect(codeOf(judgeJob({ ...wanted, maxRate: 999n }, computing))).toBe('partner/rate-too-low');
    expect(codeOf(judgeJob(job, computing))).toBe('partner/other-utility');
  });

  it('never offers above what the client pays', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 38n), fc.bigInt(0n, 2n ** 60n), (size, maxRate) => {
        const rate = judgeJob({ ...job, size, maxRate }, terms);
        return isRefusal(rate) || (rate <= maxRate && rate >= terms.price);
      }),
    );
  });
});
