/**
 * Lends a miner's power to the collators that it was told, in equal shares: what grows is lent on,
 * what was lost is left to the chain, which takes it from all of them in proportion. A collator that
 * is not registered yet is waited for.
 */
import { type Clock, type Signer, toHex } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import {
  claimQuery,
  collatorQuery,
  delegate,
  ENTRY,
  type Entry,
  powerParamsQuery,
} from '@palisade/power/schema';
import { type Network, untilIncluded } from '../network.ts';
import { settled } from '../pool/stopping.ts';
import { pauseOrMove } from './pause-or-move.ts';
import { isCode } from './work.ts';

export type LenderOptions = {
  readonly network: Network;
  /** The account that owns the power, 20 bytes. */
  readonly account: Uint8Array;
  /** Signs for it: lending is the owner's word, not the machine's. */
  readonly accountSigner: Signer;
  /** Node keys of collators. */
  readonly collators: readonly Uint8Array[];
  /** Pause between two looks, ms. */
  readonly tickMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

export class Lender {
  readonly #options: LenderOptions;
  #minDelegation: bigint | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LenderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when nothing runs any more. The signal must have been given. */
  stop(): Promise<void> {
    return settled(this.#running ?? Promise.resolve());
  }

  async #run(): Promise<void> {
    const { signal, log, tickMs, clock } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#look();
      } catch (error) {
        if (!signal.aborted) log.debug('power was not lent', { err: error });
      }
      await pauseOrMove(tickMs, clock, signal);
    }
  }

  async #look(): Promise<void> {
    const { network, account, collators } = this.#options;
    const view = await network.find(claimQuery, { miner: account });
    if (!view || view.free === 0n) return;
    this.#minDelegation ??= (await network.find(powerParamsQuery, {}))?.minDelegation;
    const least = this.#minDelegation;
    if (least === undefined || view.free < least) return;
    let { free } = view;
    for (const { collator, amount } of sharesOf(view.claim, collators)) {
      // What is unbonding or quarantined is missing in the shares of the last.
      if (amount < least || amount > free || !(await this.#isCandidate(collator))) continue;
      await this.#lend(collator, amount);
      free -= amount;
    }
  }

  async #isCandidate(nodeKey: Uint8Array): Promise<boolean> {
    const found = await this.#options.network.find(collatorQuery, { nodeKey });
    return found?.collator.registered === 1;
  }

  async #lend(collator: Uint8Array, amount: bigint): Promise<void> {
    const { network, accountSigner, signal, log } = this.#options;
    try {
      const posted = await network.post(delegate, { collator, amount }, accountSigner, { signal });
      await untilIncluded(network, posted, signal);
      log.info('power is lent', { collator, amount });
    } catch (error) {
      // Power fell meanwhile: the next look sees what is left.
      if (!isCode(error, 'power/not-enough-power')) throw error;
    }
  }
}

/** What is missing to equal shares of all power, by collator. */
export function sharesOf(
  { raw, entries }: { readonly raw: bigint; readonly entries: readonly Entry[] },
  collators: readonly Uint8Array[],
): { readonly collator: Uint8Array; readonly amount: bigint }[] {
  const share = raw / BigInt(Math.max(1, collators.length));
  const lent = new Map<string, bigint>();
  for (const { kind, collator, amount } of entries)
    if (kind === ENTRY.delegated) lent.set(toHex(collator), amount);
  return collators.flatMap((collator) => {
    const amount = share - (lent.get(toHex(collator)) ?? 0n);
    return amount > 0n ? [{ collator, amount }] : [];
  });
}
