import { describe, expect, it } from 'vitest';
import { Discipline } from './discipline.ts';
import { gate } from './gate.ts';

const partner = new Uint8Array(32).fill(1);
const other = new Uint8Array(32).fill(2);

describe('gates', () => {
  it('[P2V-2] a bucket gives its burst at once and then one at a time, to each key its own', () => {
    let now = 0;
    const may = gate(2000, 3, () => now);
    expect([1, 2, 3, 4].map(() => may(partner))).toEqual([true, true, true, false]);
    expect(may(other)).toBe(true);
    now = 1999;
    expect(may(partner)).toBe(false);
    now = 2000;
    expect([may(partner), may(partner)]).toEqual([true, false]);
    now = 60_000;
    expect([1, 2, 3, 4].map(() => may(partner))).toEqual([true, true, true, false]);
  });

  it('[P2V-6] silence doubles up to ten minutes, and faults are forgotten after a quiet time', () => {
    const discipline = new Discipline(3000);
    const seconds = (now: number) =>
      discipline.fault(partner, 'capacity', now)?.data?.seconds as number | undefined;
    expect([1, 2, 3, 4].map(() => seconds(0))).toEqual([undefined, 3, 6, 12]);
    for (let i = 0; i < 20; i++) seconds(0);
    expect(seconds(0)).toBe(600);
    expect(discipline.refusal(partner, 599_999)).toMatchObject({ data: { seconds: 1 } });
    expect(discipline.refusal(partner, 600_000)).toBeUndefined();
    expect(discipline.refusal(other, 0)).toBeUndefined();
    // A fault of another kind, or after twenty cool-downs without one, is a first one.
    expect(discipline.fault(partner, 'polling', 0)).toBeUndefined();
    expect(seconds(60_001)).toBeUndefined();
  });
});
