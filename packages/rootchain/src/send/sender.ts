/**
 * Sends transactions of one account, which must be nobody else's: nonces are given here, one after the other,
 * so that a stuck transaction is replaced at its own nonce and none is sent twice. What was handed over
 * is followed until it is in a block, deep enough, through failing nodes and reorganisations alike.
 */
import { PalisadeError, type Refusal, refuse } from '@palisade/core';
import { type Address, type Hex, keccak256, type LocalAccount } from 'viem';
import { DEFAULT_TIP, GAS_PERCENT, MAX_UNDER_WAY, RECEIPT_POLL_MS, STUCK_MS } from '../params.ts';
import { type OnTrouble, type Patience, patiently, WAITING, type Waiting } from '../rpc/patient.ts';
import type { Question, Rpc } from '../rpc/rpc.ts';
import {
  balanceOf,
  broadcast,
  gasOf,
  headBlock,
  nonceOf,
  type Receipt,
  receiptOf,
  tipQuestion,
} from '../rpc/shapes.ts';
import { bumped, type Fees, offer } from './fees.ts';
import { Lane } from './lane.ts';

/** What to send; without `to` a contract is created. */
export type Transaction = {
  readonly to?: Address;
  readonly data?: Hex;
  readonly value?: bigint;
  /** Never offers more, wei of gas. Waits while the base fee is above. */
  readonly maxFeePerGas?: bigint;
  /** Asked before each replacement: `false` gives the nonce to an empty transaction instead. */
  readonly stillWanted?: () => Promise<boolean>;
  /**
   * Told of each version before it goes out, so that it can be written down. With `false` the first one does
   * not: nothing is sent then, and it costs nothing.
   */
  readonly announce?: (version: Version) => Promise<boolean>;
};

/** A signed transaction; `empty` when it only takes the place of one that is not wanted any more. */
export type Version = { readonly hash: Hex; readonly empty: boolean };

/**
 * What became of it. `mined` and `reverted` cost gas, `withdrawn` that of an empty transaction; `refused`
 * costs nothing: the root chain would not take it as things are.
 */
export type Outcome =
  | { readonly kind: 'mined' | 'reverted' | 'withdrawn'; readonly receipt: Receipt }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export type SenderOptions = {
  readonly rpc: Rpc;
  readonly account: LocalAccount;
  readonly chainId: number;
  /** Never offers more, wei of gas, whatever a transaction says. */
  readonly maxFeePerGas: bigint;
  /** Blocks that must stand on top before a transaction counts as mined; 0: none. */
  readonly confirmations?: bigint;
  readonly stuckMs?: number;
  readonly receiptPollMs?: number;
  readonly signal?: AbortSignal;
  readonly onTrouble?: OnTrouble;
  readonly waiting?: Waiting;
  readonly firstPauseMs?: number;
};

/** Sends from one account. */
export type Sender = {
  readonly address: Address;
  /** Wei that the account has. */
  balance(): Promise<bigint>;
  /**
   * Sends and answers what became of it. Calls may overlap: transactions go out in the order of calls and
   * wait for nothing but their nonce. Throws when the signal ends it.
   */
  send(transaction: Transaction): Promise<Outcome>;
  /** What became of a transaction that was sent earlier; undefined while it is in no block. */
  receiptOf(hash: Hex): Promise<Receipt | undefined>;
};

/** Opens the account's lane. Transactions of an earlier run that are still pending are replaced. */
export function createSender(options: SenderOptions): Sender {
  const run = new Run(options);
  return {
    address: options.account.address,
    balance: () => run.ask(balanceOf(options.account.address)),
    send: (transaction) => run.send(transaction),
    receiptOf: (hash) => run.ask(receiptOf(hash)),
  };
}

/** A transaction at its nonce: each version that was ever sent, the newest last. */
type Versions = {
  readonly nonce: number;
  readonly sent: { hash: Hex; fees: Fees; empty: boolean }[];
};

type Opened =
  | { readonly refusal: Refusal }
  | { readonly tooDear: true }
  | { readonly gas: bigint; readonly versions: Versions };

class Run {
  readonly #options: SenderOptions;
  readonly #patience: Patience;
  readonly #waiting: Waiting;
  readonly #lane: Lane;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#waiting = options.waiting ?? WAITING;
    this.#patience = {
      signal: options.signal,
      onTrouble: options.onTrouble,
      waiting: this.#waiting,
      firstPauseMs: options.firstPauseMs,
    };
    this.#lane = new Lane(MAX_UNDER_WAY, async () =>
      Number(await this.ask(nonceOf(options.account.address))),
    );
  }

  ask<T>(question: Question<T>): Promise<T> {
    return patiently(() => this.#options.rpc.ask(question, this.#options.signal), this.#patience);
  }

  async send(transaction: Transaction): Promise<Outcome> {
    for (;;) {
      const opened = await this.#lane.enter((nonce) => this.#open(transaction, nonce));
      if ('refusal' in opened) return { kind: 'refused', refusal: opened.refusal };
      if ('tooDear' in opened) {
        // Outside the lane, so that others who offer more go on.
        await this.#waiting.sleep(this.#pollMs(), this.#options.signal);
        continue;
      }
      const outcome = await this.#follow(transaction, opened.gas, opened.versions);
      if (outcome) return outcome;
      // Somebody else used the nonce; with the next one it is a new transaction, estimated anew.
      this.#lane.forget();
    }
  }

  /** The first version goes out, if the chain would take it and the cap allows the present base fee. */
  async #open(transaction: Transaction, nonce: number): Promise<Opened> {
    const gas = await this.#gas(transaction);
    if (typeof gas !== 'bigint') return { refusal: gas };
    const fees = await this.#offer(transaction);
    if (fees === undefined) return { tooDear: true };
    const versions: Versions = { nonce, sent: [] };
    if (await this.#publish(transaction, gas, versions, fees, false)) return { gas, versions };
    return { refusal: refuse('rootchain/not-wanted', 'It was not wanted any more.') };
  }

  /** Gas to allow; a refusal when the call would revert, or the account cannot pay for it. */
  async #gas({ to, data, value }: Transaction): Promise<bigint | Refusal> {
    try {
      const from = this.#options.account.address;
      const gas = await this.ask(gasOf({ from, to, data, value }));
      return (gas * GAS_PERCENT) / 100n;
    } catch (error) {
      if (!(error instanceof PalisadeError) || error.code !== 'rootchain/refused') throw error;
      return refuse('rootchain/would-revert', error.message, {
        data: error.data,
        next: 'Nothing was sent. Look at what changed on the root chain, and at the balance of the account.',
      });
    }
  }

  /** The present offer; undefined while the base fee is above the cap. */
  async #offer(transaction: Transaction): Promise<Fees | undefined> {
    const { baseFeePerGas = 0n } = await this.ask(headBlock);
    const tip = await this.ask(tipQuestion).catch((error) => {
      if (error instanceof PalisadeError && error.code === 'rootchain/refused') return DEFAULT_TIP;
      throw error;
    });
    return offer(baseFeePerGas, tip, this.#cap(transaction));
  }

  #cap({ maxFeePerGas }: Transaction): bigint {
    const { maxFeePerGas: most } = this.#options;
    return maxFeePerGas !== undefined && maxFeePerGas < most ? maxFeePerGas : most;
  }

  #pollMs(): number {
    return this.#options.receiptPollMs ?? RECEIPT_POLL_MS;
  }

  /**
   * Signs a version and hands it to the node. It is on the list before anybody can have seen it. False when it
   * would be the first, and is not wanted.
   */
  async #publish(
    { to, data, value, announce }: Transaction,
    gas: bigint,
    versions: Versions,
    fees: Fees,
    empty: boolean,
  ): Promise<boolean> {
    const { account, chainId } = this.#options;
    const content = empty
      ? { to: account.address, gas: 21_000n }
      : {
          gas,
          ...(to === undefined ? {} : { to }),
          ...(data === undefined ? {} : { data }),
          ...(value === undefined ? {} : { value }),
        };
    const signed = await account.signTransaction({
      type: 'eip1559',
      chainId,
      nonce: versions.nonce,
      ...fees,
      ...content,
    });
    const hash = keccak256(signed);
    if (!versions.sent.some((version) => version.hash === hash)) {
      const isWanted = (await announce?.({ hash, empty })) ?? true;
      if (!isWanted && versions.sent.length === 0) return false;
      versions.sent.push({ hash, fees, empty });
    }
    try {
      await this.ask(broadcast(signed));
    } catch (error) {
      // "Already known", "nonce too low", "underpriced": its receipt, or the next bump, tells.
      if (!(error instanceof PalisadeError) || error.code !== 'rootchain/refused') throw error;
      this.#options.onTrouble?.(error, 1, 0);
    }
    return true;
  }

  /**
   * Until one version is in a block for good; undefined when another transaction took the nonce. In a block it holds up
   * nobody in the lane; thrown out of it, it is sent again at once, since nodes need not remember it.
   */
  async #follow(
    transaction: Transaction,
    gas: bigint,
    versions: Versions,
  ): Promise<Outcome | undefined> {
    const stuckMs = this.#options.stuckMs ?? STUCK_MS;
    let since = this.#waiting.now();
    let isUnderWay = true;
    try {
      for (;;) {
        const found = await this.#findReceipt(versions);
        if (found === 'elsewhere') return undefined;
        if (typeof found !== 'string') return found;
        const wasUnderWay = isUnderWay;
        isUnderWay = found === 'pending';
        if (wasUnderWay && !isUnderWay) this.#lane.leave(versions.nonce);
        if (!wasUnderWay && isUnderWay) this.#lane.comeBack(versions.nonce);
        // In a block, but not deep enough yet: nothing to replace there.
        if (!isUnderWay) since = this.#waiting.now();
        await this.#waiting.sleep(this.#pollMs(), this.#options.signal);
        // Looked for once more before: the node that was asked may just be behind.
        if (!wasUnderWay && isUnderWay) since = Number.NEGATIVE_INFINITY;
        else if (this.#waiting.now() - since >= stuckMs) {
          since = this.#waiting.now();
          await this.#fillGap(versions);
          await this.#replace(transaction, gas, versions);
        }
      }
    } finally {
      if (isUnderWay) this.#lane.leave(versions.nonce);
    }
  }

  async #findReceipt(versions: Versions): Promise<Outcome | 'pending' | 'shallow' | 'elsewhere'> {
    // Asked first: were it asked last, a version could get into a block in between.
    const next = await this.ask(nonceOf(this.#options.account.address));
    const { confirmations = 0n } = this.#options;
    for (const { hash, empty } of versions.sent) {
      const seen = await this.ask(receiptOf(hash));
      if (seen === undefined) continue;
      const head = await this.ask(headBlock);
      if (head.number - seen.blockNumber < confirmations) return 'shallow';
      // Once more, since blocks can have been taken back before the head was asked for.
      const receipt = confirmations > 0n ? await this.ask(receiptOf(hash)) : seen;
      if (receipt?.blockHash !== seen.blockHash) return 'shallow';
      if (empty) return { kind: 'withdrawn', receipt };
      return { kind: receipt.status === 1n ? 'mined' : 'reverted', receipt };
    }
    return next > BigInt(versions.nonce) ? this.#elsewhere(versions) : 'pending';
  }

  /** The nonce is used, but by none of our versions as far as this node knows: look once more. */
  async #elsewhere(versions: Versions): Promise<'pending' | 'elsewhere'> {
    await this.#waiting.sleep(this.#pollMs(), this.#options.signal);
    const next = await this.ask(nonceOf(this.#options.account.address));
    if (next <= BigInt(versions.nonce)) return 'pending';
    for (const { hash } of versions.sent)
      if ((await this.ask(receiptOf(hash))) !== undefined) return 'pending';
    return 'elsewhere';
  }

  /**
   * Empty transactions for nonces below all that is under way: what had them counted for good, and was taken back all the
   * same. Nothing else could ever get past them.
   */
  async #fillGap({ nonce: end }: Versions): Promise<void> {
    if (!this.#lane.isFirst(end)) return;
    const first = Number(await this.ask(nonceOf(this.#options.account.address)));
    const fees = first < end ? await this.#offer({}) : undefined;
    // Not more than can be under way: a node that is far behind may answer that nothing was ever sent.
    for (let nonce = first; fees && nonce < Math.min(end, first + MAX_UNDER_WAY); nonce++)
      await this.#publish({}, 0n, { nonce, sent: [] }, fees, true);
  }

  /** Offers more at the same nonce, or the same again when the cap allows no more: nodes forget. */
  async #replace(transaction: Transaction, gas: bigint, versions: Versions): Promise<void> {
    const newest = versions.sent.at(-1)!;
    const withdraw =
      newest.empty || (transaction.stillWanted ? !(await transaction.stillWanted()) : false);
    const fresh = await this.#offer(transaction);
    const fees = bumped(newest.fees, fresh, this.#cap(transaction));
    if (fees) await this.#publish(transaction, gas, versions, fees, withdraw);
    else await this.#publish(transaction, gas, versions, newest.fees, newest.empty);
  }
}
