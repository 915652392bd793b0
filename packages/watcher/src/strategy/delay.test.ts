import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Draw,
  drawSlot,
  inOrderOfEnd,
  MAX_DELAY_BLOCKS,
  type Slot,
  waitAfterHead,
} from './delay.ts';

const BLOCK_MS = 12_000;
/** How long a transaction takes to be seen by another watcher's node, in this simulation. */
const SEEN_MS = [200, 1500] as const;

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const input = fc.record({
  subject: bytes(21),
  challenger: bytes(20),
  from: fc.nat(30_000_000),
  blocksLeft: fc.nat(100_000),
});

/** Numbers in [0, 1) that repeat with their seed (mulberry32). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const word = (value: number, length: number) => {
  const out = new Uint8Array(length);
  new DataView(out.buffer).setUint32(length - 4, value);
  return out;
};

/** One exit, several watchers: how many send. Each looks at pending transactions, or at blocks alone. */
function senders(exit: number, watchers: number, seesPending: boolean, roll: () => number): number {
  const from = 1000 + exit;
  const times = Array.from({ length: watchers }, (_, i) => {
    const slot = drawSlot({
      subject: word(exit, 21),
      challenger: word(i + 1, 20),
      from,
      blocksLeft: 50_000,
    });
    const lag = roll() * 800; // of the head that the watcher acts upon
    return slot.height * BLOCK_MS + waitAfterHead(slot, slot.height, BLOCK_MS)! + lag;
  }).sort((a, b) => a - b);
  let sent = 0;
  let visible = Number.POSITIVE_INFINITY;
  for (const time of times) {
    if (time >= visible) continue;
    sent++;
    const mined = (Math.floor(time / BLOCK_MS) + 1) * BLOCK_MS;
    const pending = time + SEEN_MS[0] + roll() * (SEEN_MS[1] - SEEN_MS[0]);
    visible = Math.min(visible, seesPending ? Math.min(pending, mined) : mined);
  }
  return sent;
}

function simulate(watchers: number, seesPending: boolean, exits = 4000) {
  const roll = dice(watchers);
  let duplicated = 0;
  let missed = 0;
  for (let exit = 0; exit < exits; exit++) {
    const sent = senders(exit, watchers, seesPending, roll);
    if (sent === 0) missed++;
    if (sent > 1) duplicated++;
  }
  return { duplicated: duplicated / exits, missed };
}

function drawn(i: number) {
  const named = { subject: word(i, 21), challenger: word(1, 20), from: 0, blocksLeft: 1000 };
  return { of: i, slot: drawSlot(named) };
}

describe('the delay of a challenge', () => {
  it('[X9] is the same whenever it is drawn, at most 20 blocks, and never past half of the time left', () => {
    fc.assert(
      fc.property(input, (draw) => {
        const slot = drawSlot(draw);
        expect(drawSlot(draw)).toEqual(slot);
        const end = slot.height + slot.part - draw.from;
        expect(end).toBeGreaterThanOrEqual(0);
        expect(end).toBeLessThan(Math.max(Math.min(MAX_DELAY_BLOCKS, draw.blocksLeft / 2), 1e-9));
      }),
      {
        numRuns: 300,
        examples: [[{ subject: word(1, 21), challenger: word(1, 20), from: 5, blocksLeft: 0 }]],
      },
    );
  });

  it('[X9] differs between exits and between challengers', () => {
    const base = { subject: word(1, 21), challenger: word(1, 20), from: 7, blocksLeft: 1000 };
    const one = drawSlot(base);
    expect(drawSlot({ ...base, subject: word(2, 21) })).not.toEqual(one);
    expect(drawSlot({ ...base, challenger: word(2, 20) })).not.toEqual(one);
  });

  it('[X9] who comes after their slot sends at once, who comes before it waits', () => {
    const slot: Slot = { height: 100, part: 0.25 };
    expect(waitAfterHead(slot, 99, BLOCK_MS)).toBeUndefined();
    expect(waitAfterHead(slot, 100, BLOCK_MS)).toBe(3000);
    expect(waitAfterHead(slot, 101, BLOCK_MS)).toBe(0);
  });

  it('[X15] of many that turn up together gives the first slots to what ends first, and none a later one than its own time allows', () => {
    const BLOCK_S = BLOCK_MS / 1000;
    const WINDOW_S = MAX_DELAY_BLOCKS * BLOCK_S;
    const ends = fc.array(fc.nat(20_000), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(ends, (deadlines) => {
        const draws = deadlines.map((deadline, i): Draw<number> => {
          const blocksLeft = Math.floor(deadline / BLOCK_S);
          const named = { subject: word(i, 21), challenger: word(1, 20), from: 0, blocksLeft };
          return { of: i, slot: drawSlot(named), deadline };
        });
        const at = ({ slot }: Draw<number>) => slot.height + slot.part;
        const given = inOrderOfEnd(draws, WINDOW_S);
        expect(given.map(at).sort((a, b) => a - b)).toEqual(draws.map(at).sort((a, b) => a - b));
        for (const one of given) {
          const most = Math.min(MAX_DELAY_BLOCKS, Math.floor(one.deadline / BLOCK_S / 2));
          expect(at(one)).toBeLessThanOrEqual(most);
          for (const other of given)
            if (other.deadline - one.deadline >= WINDOW_S)
              expect(at(one)).toBeLessThanOrEqual(at(other));
        }
      }),
      { numRuns: 50 },
    );
    const soon = (i: number): Draw<number> => ({ ...drawn(i), deadline: 10 * WINDOW_S + i });
    const together = [3, 1, 4, 5].map(soon);
    const byName = (list: readonly Draw<number>[]) => [...list].sort((a, b) => a.of - b.of);
    expect(byName(inOrderOfEnd(together, WINDOW_S))).toEqual(byName(together));
  });

  it.each([2, 3, 5])(
    '[X9] %i watchers challenge every exit, and less than one of twenty twice',
    (watchers) => {
      const { duplicated, missed } = simulate(watchers, true);
      expect(missed).toBe(0);
      expect(duplicated).toBeLessThan(0.05);
      expect(duplicated).toBeGreaterThan(0); // otherwise the simulation shows nothing
    },
  );

  it('[X9] blocks alone would not do: the draw within a block is needed', () => {
    expect(simulate(5, false).duplicated).toBeGreaterThan(0.05);
  });
});
