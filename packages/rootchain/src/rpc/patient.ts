import { setTimeout as pause } from 'node:timers/promises';
import type { PalisadeError } from '@palisade/core';
import { isTrouble } from './errors.ts';

/** What time and chance are to the parts that wait; tests put their own. */
export type Waiting = {
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  random(): number;
  /** Milliseconds; only differences count. */
  now(): number;
};

/** The machine's timer and dice. */
export const WAITING: Waiting = {
  sleep: (ms, signal) => pause(ms, undefined, signal ? { signal } : {}),
  random: Math.random,
  now: () => performance.now(),
};

/** Told at each failure: which, how often in a row, and the pause before the next try. */
export type OnTrouble = (error: PalisadeError, attempt: number, pauseMs: number) => void;

export type Patience = {
  readonly signal?: AbortSignal | undefined;
  readonly onTrouble?: OnTrouble | undefined;
  readonly waiting?: Waiting | undefined;
  /** The first pause, ms, doubled with each failure in a row. */
  readonly firstPauseMs?: number | undefined;
  /** No pause is longer, ms: half a minute is two blocks of Ethereum. */
  readonly longestPauseMs?: number | undefined;
};

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Does `work` until it does not fail by trouble. Pauses grow and are spread over their second half, so
 * that many who lost the same node do not come back at once. Refusals and bugs are thrown at once.
 */
export async function patiently<T>(work: () => Promise<T>, patience: Patience = {}): Promise<T> {
  const { signal, waiting = WAITING } = patience;
  const first = patience.firstPauseMs ?? FIRST_PAUSE_MS;
  const longest = patience.longestPauseMs ?? LONGEST_PAUSE_MS;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted || !isTrouble(error)) throw error;
      // Doubling ends long before the exponent is too large for a number.
      const pauseMs =
        Math.min(longest, first * 2 ** Math.min(attempt - 1, 30)) * (0.5 + waiting.random() / 2);
      patience.onTrouble?.(error, attempt, pauseMs);
      await waiting.sleep(pauseMs, signal);
    }
  }
}
