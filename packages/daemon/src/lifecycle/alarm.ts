import type { Clock } from '@palisade/core';

/** The most that a timer of Node can wait; longer waits are made of several. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls an action once when `clock` shows `atMs`, also where somebody moves the clock meanwhile;
 * answers how to call it off. Never calls before it has answered.
 */
export function setAlarm(clock: Clock, atMs: number, action: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const plan = () => {
    clearTimeout(timer);
    const left = Math.max(0, atMs - clock.nowMs());
    timer = setTimeout(ring, Math.min(left, LONGEST_TIMER_MS));
  };
  const ring = () => {
    if (clock.nowMs() < atMs) return plan();
    cancel();
    action();
  };
  const unlisten = clock.onMove?.(plan);
  const cancel = () => {
    clearTimeout(timer);
    unlisten?.();
  };
  plan();
  return cancel;
}
