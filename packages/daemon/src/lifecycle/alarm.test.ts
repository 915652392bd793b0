import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setAlarm } from './alarm.ts';

function movableClock() {
  let offsetMs = 0;
  const listeners = new Set<() => void>();
  return {
    nowMs: () => Date.now() + offsetMs,
    onMove(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    move(ms: number) {
      offsetMs += ms;
      for (const listener of listeners) listener();
    },
    listeners,
  };
}

describe('an alarm', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('rings once, when its time has come', () => {
    let rings = 0;
    setAlarm({ nowMs: () => Date.now() }, Date.now() + 1000, () => rings++);
    vi.advanceTimersByTime(999);
    expect(rings).toBe(0);
    vi.advanceTimersByTime(5000);
    expect(rings).toBe(1);
  });

  it('rings at once when the clock is moved beyond it, and later when it is moved back', () => {
    const clock = movableClock();
    let rings = 0;
    setAlarm(clock, clock.nowMs() + 10_000, () => rings++);
    clock.move(20_000);
    vi.advanceTimersByTime(0);
    expect([rings, clock.listeners.size]).toEqual([1, 0]);
    setAlarm(clock, clock.nowMs() + 1000, () => rings++);
    clock.move(-5000);
    vi.advanceTimersByTime(5999);
    expect(rings).toBe(1);
    vi.advanceTimersByTime(1);
    expect(rings).toBe(2);
  });

  it('waits longer than a timer can, and can be called off', () => {
    let rings = 0;
    const clock = { nowMs: () => Date.now() };
    setAlarm(clock, Date.now() + 2 ** 32, () => rings++);
    setAlarm(clock, Date.now() + 10, () => (rings += 100))();
    vi.advanceTimersByTime(2 ** 32 - 1);
    expect(rings).toBe(0);
    vi.advanceTimersByTime(1);
    expect(rings).toBe(1);
  });
});
