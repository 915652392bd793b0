/** Looks at the running session now and then: what is vouched for needs no more of the chain. */
import { type Logger, pause } from '@palisade/daemon';
import { settled } from '../pool/stopping.ts';

export type RoundsOptions = {
  readonly everyMs: number;
  /** Answers with the running session. */
  readonly look: () => Promise<bigint>;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

export class Rounds {
  readonly #options: RoundsOptions;
  #session: bigint | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  get session(): bigint | undefined {
    return this.#session;
  }

  /** Begins; resolves after the first look. */
  async start(): Promise<void> {
    this.#session = await this.#options.look();
    this.#running = this.#go();
  }

  /** Resolves when no look is being taken any more. The signal must have been given. */
  stop(): Promise<void> {
    return settled(this.#running);
  }

  async #go(): Promise<void> {
    const { everyMs, look, log, signal } = this.#options;
    while (!signal.aborted) {
      await pause(everyMs, signal);
      if (signal.aborted) return;
      try {
        this.#session = await look();
      } catch (error) {
        if (!signal.aborted) log.warn('the running session is not known', { err: error });
      }
    }
  }
}
