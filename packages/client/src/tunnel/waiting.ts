/** Waiting for what frames bring about: it is so at last, or the tunnel is over before. */
import { PalisadeError } from '@palisade/core';
import { type Environment, follow } from '../base/environment.ts';
import type { Reason } from './frames.ts';

type Waiter = { isReached(): boolean; done(): void; fail(error: PalisadeError): void };

export class Waiting {
  readonly #env: Environment;
  readonly #life: AbortSignal;
  readonly #waiters = new Set<Waiter>();
  #end: Reason | undefined;

  /** @param life aborted when the tunnel is over: then nobody is late any more */
  constructor(env: Environment, life: AbortSignal) {
    this.#env = env;
    this.#life = life;
  }

  /**
   * Resolves when it is so; `isLate` is called when that takes longer than `patienceMs`.
   * @throws PalisadeError with the reason of the tunnel's end
   */
  until(
    isReached: () => boolean,
    late?: { readonly patienceMs: number; readonly isLate: () => void },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const patience = follow(this.#life);
      const finish = (settle: () => void) => {
        this.#waiters.delete(waiter);
        patience.abort();
        patience.release();
        settle();
      };
      const waiter: Waiter = {
        isReached,
        done: () => finish(resolve),
        fail: (error) => finish(() => reject(error)),
      };
      this.#waiters.add(waiter);
      this.look();
      // An aborted alarm is one that nobody needs any more.
      if (late) this.#env.sleep(late.patienceMs, patience.signal).then(late.isLate, () => {});
    });
  }

  /** To be called whenever something may have become so. */
  look(): void {
    for (const waiter of [...this.#waiters])
      if (waiter.isReached()) waiter.done();
      else if (this.#end) waiter.fail(broken(this.#end));
  }

  /** The tunnel is over. */
  end(reason: Reason): void {
    this.#end = reason;
    this.look();
  }
}

export function broken({ code, message }: Reason): PalisadeError {
  return new PalisadeError({ code, message });
}
