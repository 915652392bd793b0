import { describe, expect, it } from 'vitest';
import { Recency, STALE_MS } from './recency.ts';

describe('how recent a watcher is', () => {
  it('[X14] nothing is recent before everything that counted at some moment was judged', () => {
    const recency = new Recency();
    expect(recency.isFresh(0)).toBe(false);
    recency.saw(100, 0);
    recency.judged(99);
    expect(recency.isFresh(1)).toBe(false);
    recency.judged(100);
    expect(recency.isFresh(1)).toBe(true);
  });

  it('[X14] blocks may come as quickly as they like; to be behind by time ends it', () => {
    const recency = new Recency();
    // A thousand blocks a second, and what is judged is ten seconds behind.
    for (let second = 0; second < 300; second++) {
      recency.saw(1000 * second, 1000 * second);
      recency.judged(1000 * (second - 10));
      expect(recency.isFresh(1000 * second)).toBe(second >= 10);
    }
    // Nothing more is judged, though more is seen.
    const lastMs = 289_000;
    for (let ms = lastMs; ms < lastMs + 2 * STALE_MS; ms += 500) {
      recency.saw(ms + 20_000, ms);
      recency.judged(289_000);
      expect(recency.isFresh(ms)).toBe(ms < lastMs + STALE_MS);
    }
  });

  it('[X14] what is judged a minute late is never recent', () => {
    const recency = new Recency();
    recency.saw(1, 0);
    recency.judged(1);
    for (let minute = 1; minute < 5; minute++) {
      recency.saw(minute + 1, minute * STALE_MS);
      recency.judged(minute);
      expect(recency.isFresh(minute * STALE_MS)).toBe(false);
    }
    recency.judged(5);
    expect(recency.isFresh(4 * STALE_MS + 1)).toBe(true);
  });

  it('[X14] a root chain that stands still is recent as long as it is heard of', () => {
    const recency = new Recency();
    for (const ms of [0, 50_000, 100_000]) {
      recency.saw(7, ms);
      recency.judged(7);
      expect(recency.isFresh(ms)).toBe(true);
    }
    expect(recency.isFresh(100_000 + STALE_MS)).toBe(false);
  });
});
