import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkedParams,
  DEFAULT_SECTORS_PARAMS,
  DEVELOPMENT_SECTORS_PARAMS,
  disputeSpan,
  periodOf,
  type SectorsParams,
} from './params.ts';
import { blocksUntilOpen, emptiestDeadline, isMutable, windowAt } from './schedule.ts';

const params = DEVELOPMENT_SECTORS_PARAMS;

describe('parameters', () => {
  it('are right as they are given', () => {
    expect(checkedParams(DEFAULT_SECTORS_PARAMS)).toBe(DEFAULT_SECTORS_PARAMS);
    expect(checkedParams(params)).toBe(params);
    expect(periodOf(DEFAULT_SECTORS_PARAMS)).toBe(4 * 60 * 60);
  });

  it.each<[string, Partial<SectorsParams>, RegExp]>([
    ['a cutoff below the lookback', { cutoffBlocks: 1, lookbackBlocks: 2 }, /in sight of/],
    ['a cutoff as long as a window', { cutoffBlocks: 10 }, /no deadline is left/],
    ['two deadlines', { deadlines: 2 }, /3 to/],
    ['disputes into the next challenge', { disputeBlocks: 19 }, /before the next challenge/],
    ['no time to prove', { maxProveBlocks: 4 }, /leave time/],
    ['a sector of no power of two', { sectorBytes: 3 * 2 ** 20 }, /sealed/],
    ['one layer', { layers: 1 }, /sealed/],
    ['no lookback', { lookbackBlocks: 0 }, /at least 1/],
    ['lives that cannot be', { maxLifeBlocks: 150 }, /leave room/],
    ['more than all of a pledge', { disputeFeePpm: 1_000_001 }, /a million/],
  ])('[P9] refuse %s', (_, change, why) => {
    expect(() => checkedParams({ ...params, ...change })).toThrow(why);
  });
});

describe('the schedule', () => {
  it('[P9] opens deadlines one after another, without gaps', () => {
    expect(windowAt(params, 0n)).toEqual({ deadline: 0, opens: 0n, closes: 10n });
    expect(windowAt(params, 29n)).toEqual({ deadline: 2, opens: 20n, closes: 30n });
    expect(windowAt(params, 30n)).toEqual({ deadline: 0, opens: 30n, closes: 40n });
    expect(disputeSpan(params)).toBe(20);
  });

  it('[P9] always leaves a deadline to change, and none whose challenge may be known', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: 3, max: 9 }), (at, deadlines) => {
        const height = BigInt(at);
        const some = { ...params, deadlines };
        const all = Array.from({ length: deadlines }, (_, deadline) => deadline);
        const mutable = all.filter((deadline) => isMutable(some, deadline, height));
        expect(mutable.length).toBeGreaterThan(0);
        for (const deadline of mutable) {
          const opens = height + blocksUntilOpen(some, deadline, height);
          expect(windowAt(some, opens)).toMatchObject({ deadline, opens });
          expect(opens - BigInt(some.lookbackBlocks)).toBeGreaterThan(height);
        }
      }),
    );
  });

  it('[P9] gives a new sector the emptiest of these, and starts elsewhere for every miner', () => {
    const miner = (last: number) => new Uint8Array(20).fill(last, 19);
    expect(emptiestDeadline(params, miner(0), [5, 1, 0], 0n)).toBe(2);
    expect(emptiestDeadline(params, miner(0), [], 0n)).toBe(1);
    expect(emptiestDeadline(params, miner(2), [], 0n)).toBe(2);
    // Deadline 1 opens in three blocks: too soon.
    expect(emptiestDeadline(params, miner(0), [], 7n)).toBe(2);
  });
});
