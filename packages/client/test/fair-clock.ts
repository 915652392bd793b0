/**
 * Time for networks that live in one process. It is the machine's while the process gets to its work, and stands
 * still while it does not: on a busy machine a session has as many turns of the event loop as on one that is idle,
 * so whoever is in time on the one is in time on the other.
 */
import type { Clock } from '@palisade/core';
import { type Environment, environment } from '../src/base/environment.ts';

/** Pause between two looks at the machine's clock, ms. */
const LOOK_MS = 4;
/** What passes from one look to the next, ms, at most: two pauses, because timers are a little late on any machine. */
const MOST_MS = 8;

export class FairClock implements Clock {
  readonly #mostMs: number;
  #atMs = Date.now();
  #seen = performance.now();
  readonly #listeners = new Set<() => void>();
  readonly #timer = setInterval(() => this.#look(), LOOK_MS).unref();

  /** With `mostMs` as `Infinity` it never stands still: for those who live with processes that have no other clock. */
  constructor(mostMs = MOST_MS) {
    this.#mostMs = mostMs;
  }

  nowMs(): number {
    return Math.trunc(this.#atMs + this.#sinceSeen());
  }

  onMove(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Skips to a time; one that is over changes nothing. */
  moveTo(ms: number): void {
    if (ms <= this.nowMs()) return;
    this.#look();
    this.#atMs = ms;
    for (const listener of [...this.#listeners]) listener();
  }

  /** For clients: they wait, and give up waiting, by this time. */
  get environment(): Pick<Environment, 'nowMs' | 'sleep'> {
    const { sleep } = environment();
    return {
      nowMs: () => this.nowMs(),
      sleep: async (ms, signal) => {
        const end = this.nowMs() + ms;
        do await sleep(end - this.nowMs(), signal);
        while (this.nowMs() < end);
      },
    };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sinceSeen(): number {
    return Math.min(this.#mostMs, performance.now() - this.#seen);
  }

  #look(): void {
    this.#atMs += this.#sinceSeen();
    this.#seen = performance.now();
  }
}
