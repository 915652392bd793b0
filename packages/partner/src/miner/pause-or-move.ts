/** Waiting for the next look, which comes at once when somebody moves the clock. */
import type { Clock } from '@palisade/core';
import { pause } from '@palisade/daemon';

/** Waits, or less when the clock is moved or the signal says so; never throws. */
export async function pauseOrMove(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (!clock.onMove) return pause(ms, signal);
  const moved = new AbortController();
  const unlisten = clock.onMove(() => moved.abort());
  await pause(ms, AbortSignal.any([signal, moved.signal]));
  unlisten();
}
