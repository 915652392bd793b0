/**
 * When a root chain that nobody else uses makes a block without transactions: ever less often the longer nothing
 * happens, because each is kept for good (a follower that begins anew reads from the deployment), takes
 * some 300 bytes in what is saved, and makes every later one slower. What comes then: 250 s of blocks
 * 5 s apart, some 250 blocks in the first four hours, 288 a day from then on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Anvil } from '@palisade/rootchain';
import * as z from 'zod';
import type { NetworkClock } from '../control/network-clock.ts';

/** Least pause, ms: who waits in blocks waits for those behind a transaction, a minute or two. */
const LEAST_MS = 5000;
/** The chain's time lags by this part of the time since its last transaction: 24 s when an exit of 20 min is due. */
const LAG_PART = 50;
/** Longest pause, ms: a transaction brings its own time, so that only who looks sees the lag. */
const LONGEST_MS = 300_000;
/**
 * Blocks that a moved clock brings at most: watchers wait in blocks, 20 at most, on top of those that make a
 * log final. More would be waited for by nobody.
 */
const MOST_BLOCKS = 64;
/** What counts as a move of the clock, ms: the root chain has seconds. */
const LEAST_MOVE_MS = 1000;

const block = z.object({
  number: z.string().transform(BigInt),
  transactions: z.array(z.unknown()),
});

/** Moments of a chain, ms since 1970 by the network's clock. */
export type Quiet = {
  /** Its last transaction. */
  readonly usedMs: number;
  /** Its last block. */
  readonly lastMs: number;
  readonly nowMs: number;
};

/** How many blocks are due, at most `most`. */
export function blocksDue({ usedMs, lastMs, nowMs }: Quiet, most: number): number {
  let at = lastMs;
  for (let blocks = 0; blocks < most; blocks++) {
    at += Math.min(LONGEST_MS, Math.max(LEAST_MS, (at - usedMs) / LAG_PART));
    if (at > nowMs) return blocks;
  }
  return most;
}

/** A chain that makes blocks when they are due by the network's clock. */
export class IdleChain {
  readonly #anvil: Anvil;
  readonly #clock: NetworkClock;
  #usedMs: number;
  #lastMs: number;
  #aheadMs: number;
  /** Since the last block; at the beginning, since nothing has the network's time yet. */
  #isMoved = true;
  #pause = new AbortController();

  /** Begins as one with a transaction just now. */
  constructor(anvil: Anvil, clock: NetworkClock) {
    this.#anvil = anvil;
    this.#clock = clock;
    this.#usedMs = this.#lastMs = clock.nowMs();
    this.#aheadMs = clock.aheadMs;
  }

  /** The clock was moved: who pauses looks at once. Clocks are also moved by nothing, to wake who waits. */
  moved(): void {
    if (Math.abs(this.#clock.aheadMs - this.#aheadMs) < LEAST_MOVE_MS) return;
    this.#isMoved = true;
    this.wake();
  }

  /** Ends early by `wake`, or when the clock is moved. */
  async pause(ms: number): Promise<void> {
    if (this.#isMoved) return;
    this.#pause = new AbortController();
    await sleep(ms, undefined, { signal: this.#pause.signal }).catch(() => {});
  }

  wake(): void {
    this.#pause.abort();
  }

  /** A transaction was seen. */
  used(): void {
    this.#usedMs = this.#lastMs = this.#clock.nowMs();
  }

  /** As many as are due, or `least`; one at least when the clock was moved, so that the head is there, too. */
  async mineDue(least: number): Promise<void> {
    const [usedMs, lastMs, nowMs] = [this.#usedMs, this.#lastMs, this.#clock.nowMs()];
    const due = blocksDue({ usedMs, lastMs, nowMs }, MOST_BLOCKS);
    const blocks = Math.max(least, due, this.#isMoved ? 1 : 0);
    if (blocks > 0) await this.mine(blocks);
  }

  /** Blocks with the time of now. Time passes by itself: it is set with the clock only, so that who moves it here keeps it. */
  async mine(blocks: number): Promise<void> {
    const isMoved = this.#isMoved;
    this.#isMoved = false;
    this.#aheadMs = this.#clock.aheadMs;
    this.#lastMs = this.#clock.nowMs();
    if (isMoved) await this.#anvil.control('evm_setTime', Math.floor(this.#lastMs / 1000));
    await this.#anvil.control('anvil_mine', `0x${blocks.toString(16)}`);
  }

  async blockAt(number: bigint | 'latest'): Promise<z.output<typeof block>> {
    const name = number === 'latest' ? number : `0x${number.toString(16)}`;
    return block.parse(await this.#anvil.control('eth_getBlockByNumber', name, false));
  }
}
