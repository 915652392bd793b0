import { describe, expect, it } from 'vitest';
import { type Filter, misfitOf, rateAsked, type Wanted } from './fitting.ts';

const MIB = 1024n * 1024n;
const filter: Filter = {
  utility: 1,
  price: 5n,
  maxSize: 10n * MIB,
  maxSessions: 4,
  freeBytes: 3n * MIB,
};
const job: Wanted = { utility: 1, size: 2n * MIB, sessions: 4, maxRate: 10n };

describe('fitting', () => {
  it('[P2V-2] takes a job that pays the price, for a size and a term within the filter', () => {
    expect(misfitOf(job, filter)).toBeUndefined();
  });

  it('[P2V-2] names what of the filter keeps a job away', () => {
    const item = (change: Partial<Wanted>) => misfitOf({ ...job, ...change }, filter);
    expect(item({ utility: 2 })).toEqual({ kind: 'filter', item: 'utility' });
    expect(item({ size: 10n * MIB + 1n })).toEqual({ kind: 'filter', item: 'maxSize' });
    expect(item({ sessions: 5 })).toEqual({ kind: 'filter', item: 'maxSessions' });
    expect(item({ maxRate: 9n })).toEqual({ kind: 'filter', item: 'price' });
    // Started MiB count, as in what the partner asks.
    expect(item({ size: 2n * MIB + 1n })).toEqual({ kind: 'filter', item: 'price' });
  });

  it('[P2V-2] does not judge the price of computation, which depends on what only client and partner know', () => {
    const run = { ...job, utility: 2, maxRate: 1n };
    expect(misfitOf(run, { ...filter, utility: 2 })).toBeUndefined();
    expect(rateAsked(run, filter)).toBeUndefined();
    expect(rateAsked(job, filter)).toBe(10n);
  });

  it('[P2V-2.G2] tells a job that the partner wants and has no room for from one it does not want', () => {
    expect(misfitOf({ ...job, size: 4n * MIB, maxRate: 20n }, filter)).toEqual({
      kind: 'requirement',
      item: 'freeBytes',
    });
  });
});
