/**
 * Work that must get done: keyed, a few pieces at a time, tried again after a pause that doubles.
 * Asking for a piece that waits already brings it forward; one that runs is run once more after.
 */
import type { Logger } from '@palisade/daemon';
import { settled } from './pool/stopping.ts';

export type WorkQueueOptions = {
  readonly name: string;
  /** Pieces that run at once. */
  readonly concurrency: number;
  /** Does one piece; throws to be tried again later. */
  readonly run: (key: string) => Promise<void>;
  readonly log: Logger;
  /** Once given, failures are no news: everything is being stopped. */
  readonly signal?: AbortSignal;
  /** First pause after a failure, ms; doubles up to `MAX_PAUSE_MS` (market chapter, P2V-8 G2). */
  readonly firstPauseMs: number;
};

const MAX_PAUSE_MS = 60_000;
/** Part of a pause that is left to chance, so that what failed together does not return together. */
const JITTER = 0.2;

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #ready = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Pieces that wait, pause or run. */
  get size(): number {
    return this.#ready.size + this.#timers.size + this.#running.size;
  }

  /** Asks for a piece, now or after a while. */
  add(key: string, afterMs = 0): void {
    if (this.#stopped) return;
    if (this.#running.has(key)) {
      this.#again.add(key);
      return;
    }
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    if (afterMs <= 0) {
      this.#ready.add(key);
      this.#fill();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.#ready.add(key);
      this.#fill();
    }, afterMs);
    this.#timers.set(key, timer);
  }

  /** Forgets a piece that is not running. */
  drop(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    this.#ready.delete(key);
    this.#again.delete(key);
    this.#failures.delete(key);
  }

  /** Begins nothing more; resolves when what runs has ended, or is not worth waiting for. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#ready.clear();
    await settled(Promise.all(this.#running.values()));
  }

  #fill(): void {
    for (const key of this.#ready) {
      if (this.#running.size >= this.#options.concurrency) return;
      this.#ready.delete(key);
      this.#running.set(key, this.#run(key));
    }
  }

  async #run(key: string): Promise<void> {
    let pauseMs: number | undefined;
    try {
      await this.#options.run(key);
      this.#failures.delete(key);
    } catch (error) {
      pauseMs = this.#noteFailure(key, error);
    }
    this.#running.delete(key);
    if (this.#again.delete(key)) this.add(key);
    else if (pauseMs !== undefined) this.add(key, pauseMs);
    if (!this.#stopped) this.#fill();
  }

  #noteFailure(key: string, error: unknown): number {
    const { name, log, firstPauseMs, signal } = this.#options;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const pauseMs = Math.min(MAX_PAUSE_MS, firstPauseMs * 2 ** Math.min(failures, 16));
    // Once at `warn`: a network that is away for a night would otherwise fill the log.
    const level = failures === 0 ? 'warn' : 'debug';
    if (!this.#stopped && !signal?.aborted)
      log[level](`${name} failed and is tried again`, { key, pauseMs, err: error });
    return pauseMs * (1 - JITTER / 2 + JITTER * Math.random());
  }
}
