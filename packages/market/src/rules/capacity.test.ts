import { describe, expect, it } from 'vitest';
import {
  type Capacity,
  type CapacityTimes,
  capacityChange,
  NEVER_CHANGED,
  noteChange,
  waitForChange,
} from './capacity.ts';

const COOLDOWN = 30_000;
const roomy: Capacity = { accepting: 1, freeSlots: 3, freeBytes: 900n };
const full: Capacity = { accepting: 0, freeSlots: 0, freeBytes: 0n };
const wait = (change: Parameters<typeof waitForChange>[0], times: CapacityTimes, now: number) =>
  waitForChange(change, times, now, COOLDOWN);

describe('AT_CAPACITY', () => {
  it('[P2V-6] is entered at once, however soon after another change', () => {
    expect(capacityChange(roomy, { ...roomy, freeBytes: 800n })).toBe('room');
    const times = noteChange('room', NEVER_CHANGED, 1000);
    expect(capacityChange(roomy, full)).toBe('full');
    expect(wait('full', times, 1001)).toBe(0);
  });

  it('[P2V-6] is left only after the cool-down, and not entered again before another', () => {
    const entered = noteChange('full', NEVER_CHANGED, 1000);
    expect(capacityChange(full, roomy)).toBe('open');
    expect(wait('open', entered, 1000)).toBe(COOLDOWN);
    expect(wait('open', entered, 30_999)).toBe(1);
    expect(wait('open', entered, 31_000)).toBe(0);
    const left = noteChange('open', entered, 31_000);
    expect(wait('full', left, 60_999)).toBe(1);
    expect(wait('full', left, 61_000)).toBe(0);
  });

  it('[P2V-6] more or less room waits for any change before it; saying the same never waits', () => {
    const times = noteChange('room', NEVER_CHANGED, 1000);
    expect(wait('room', times, 2000)).toBe(29_000);
    expect(wait('none', times, 2000)).toBe(0);
    expect(noteChange('none', times, 9000)).toBe(times);
    expect(capacityChange(roomy, { ...roomy })).toBe('none');
    expect(capacityChange(roomy, { ...roomy, freeSlots: 2 })).toBe('room');
  });
});
