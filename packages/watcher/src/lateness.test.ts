import { describe, expect, it } from 'vitest';
import {
  blocksUntil,
  checkMargins,
  defaultSlaBlocks,
  isNearlyFinal,
  lateReasons,
  slaSeconds,
} from './lateness.ts';

const margins = { slaBlocks: 10, blockTimeMs: 12_000 };

describe('when an invalid exit is late', () => {
  it('[X2] after the margin in blocks since it became visible, or with less than that left; it says which', () => {
    const far = { visibleAt: 100, finalizesAt: 10_000 };
    const at = (height: number, seconds: number) => lateReasons(margins, { height, seconds }, far);
    expect(at(109, 0)).toEqual([]);
    expect(at(110, 0)).toEqual(['unchallenged-too-long']);
    expect(at(100, 9_880)).toEqual([]);
    expect(at(100, 9_881)).toEqual(['finalizes-soon']);
    expect(at(110, 9_881)).toEqual(['unchallenged-too-long', 'finalizes-soon']);
  });

  it('[X2] an in-flight exit that no one piggybacked has no end, and only the first rule', () => {
    const exit = { visibleAt: 100, finalizesAt: undefined };
    expect(lateReasons(margins, { height: 105, seconds: 1e9 }, exit)).toEqual([]);
  });

  it('[X2] seven days keep the usual margin, shorter periods a tenth of themselves', () => {
    expect(defaultSlaBlocks(7 * 86_400, 15_000)).toBe(5_520);
    expect(defaultSlaBlocks(600, 1_000)).toBe(60);
    expect(defaultSlaBlocks(20, 12_000)).toBe(1);
    for (const [period, block] of [
      [20, 1000],
      [120, 2000],
      [86_400, 15_000],
    ] as const) {
      const slaBlocks = defaultSlaBlocks(period, block);
      expect(() => checkMargins({ slaBlocks, blockTimeMs: block }, period)).not.toThrow();
    }
  });

  it('[X2] a margin as long as the exit period is refused', () => {
    expect(slaSeconds(margins)).toBe(120);
    expect(() => checkMargins(margins, 120)).toThrowError(/every exit would be late/);
    expect(() => checkMargins(margins, 121)).not.toThrow();
  });

  it('[X11] the last quarter of the margin is the time to leave', () => {
    expect(isNearlyFinal(margins, { height: 0, seconds: 70 }, 100)).toBe(false);
    expect(isNearlyFinal(margins, { height: 0, seconds: 71 }, 100)).toBe(true);
    expect(blocksUntil(margins, { height: 0, seconds: 70 }, 100)).toBe(2);
    expect(blocksUntil(margins, { height: 0, seconds: 170 }, 100)).toBe(0);
  });
});
