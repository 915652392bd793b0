import { expect, it } from 'vitest';
import { blocksDue } from './idle-chain.ts';

const S = 1000;
const MINUTE = 60 * S;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ANY = 1e6;
const blocksIn = (ms: number) => blocksDue({ usedMs: 0, lastMs: 0, nowMs: ms }, ANY);

it('blocks come every 5 s behind a transaction, for those who wait in blocks', () => {
  expect(blocksIn(4999)).toBe(0);
  expect(blocksIn(5000)).toBe(1);
  expect(blocksIn(2 * MINUTE)).toBe(24);
});

it('weeks in which nothing happens cost some hundred blocks a day', () => {
  expect(blocksIn(4 * HOUR)).toBeLessThan(300);
  expect(blocksIn(30 * DAY) - blocksIn(29 * DAY)).toBe(288);
  expect(blocksIn(30 * DAY)).toBeLessThan(9000);
});

it('the time of the chain lags by a fiftieth of the quiet, and by no more than 5 min', () => {
  // Whoever looks again and again sees the same blocks, one at a time, as who looks once.
  for (const [quiet, lag] of [
    [20 * MINUTE, 24 * S],
    [HOUR, 72 * S],
    [DAY, 5 * MINUTE],
  ] as const) {
    let lastMs = 0;
    let count = 0;
    for (let nowMs = 0; nowMs <= quiet; nowMs += 500) {
      const due = blocksDue({ usedMs: 0, lastMs, nowMs }, ANY);
      if (due === 0) continue;
      expect(nowMs - lastMs).toBeLessThanOrEqual(lag + 500);
      lastMs = nowMs;
      count += due;
    }
    expect(quiet - lastMs).toBeLessThanOrEqual(lag);
    expect(count).toBeLessThanOrEqual(blocksIn(quiet));
  }
});

it('a leap of time brings no more than are wanted', () => {
  expect(blocksDue({ usedMs: 0, lastMs: 0, nowMs: 365 * DAY }, 64)).toBe(64);
});
