/**
 * Moves the books along the facts of the root chain. At a block that nobody hands out, or that is invalid, they stand
 * still: what comes after waits, exits go on being judged by what is here, and the block is
 * asked for again until it can be had. Work resumes by itself (X7).
 */
import { type Clock, equalBytes, type KeyValueStore, PalisadeError } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import {
  type ExpectedBlock,
  type InvalidBlock,
  isInvalidBlock,
  type Judging,
  type Position,
  type ReceivedBlock,
} from '@palisade/payments';
import { type BlockStore, isSameBlock } from '../blocks/block-store.ts';
import type { ChildChain } from '../blocks/child-chain.ts';
import { judgeGently, numbered } from '../blocks/judge-block.ts';
import { type MissingBook, missingBook } from '../blocks/missing-book.ts';
import { isWithheld, type Missing } from '../blocks/withholding.ts';
import type { FactOf, RootFact } from '../root/facts.ts';
import type { Books, Payout } from './books.ts';

/** Why the books stand still. */
export type Standstill =
  | {
      readonly kind: 'invalid_block';
      readonly fact: RootFact;
      readonly block: InvalidBlock;
      /** As it was handed out. */
      readonly body: ReceivedBlock;
    }
  | {
      readonly kind: 'missing_block';
      readonly fact: RootFact;
      readonly blknum: number;
      readonly hash: Uint8Array;
      readonly missing: Missing;
      /** Whether patience is at its end. */
      readonly withheld: boolean;
    };

/** An exit was paid for outputs that were not there. */
export type InvalidPayout = {
  readonly fact: RootFact;
  readonly exitId: bigint;
  readonly positions: readonly Position[];
};

export type LedgerParts = {
  readonly books: Books;
  readonly blocks: BlockStore;
  readonly store: KeyValueStore;
  readonly childChain: ChildChain;
  readonly judging: Judging;
  readonly clock: Clock;
  /** How long a block may be missing before it counts as withheld, ms. */
  readonly patienceMs: number;
  /** What a fact says was paid out; undefined for facts that pay nothing. */
  readonly payoutOf: (fact: RootFact) => Payout | undefined;
  readonly onInvalidPayout: (payout: InvalidPayout) => void;
  readonly onBlock: (blknum: number) => void;
  readonly log: Logger;
};

/** Blocks that are fetched ahead of the one that is applied: the reference's downloads at once. */
const AHEAD = 4;

export class LedgerFollower {
  private readonly parts: LedgerParts;
  private readonly missing: MissingBook;
  /** Facts that are not applied yet, in their order. */
  private queue: RootFact[] = [];
  /** Index of the fact in it that is being applied. */
  private at = 0;
  private readonly fetching = new Map<number, Promise<ReceivedBlock | Error>>();
  private rejected: { readonly body: ReceivedBlock; readonly verdict: InvalidBlock } | undefined;
  private running: Promise<void> | undefined;
  standstill: Standstill | undefined;

  constructor(parts: LedgerParts) {
    this.parts = parts;
    this.missing = missingBook(parts.store, parts.patienceMs);
  }

  /** Takes facts in their order; those that were applied before a restart are passed over. */
  push(facts: readonly RootFact[]): void {
    for (const fact of facts) if (!this.parts.books.has(fact)) this.queue.push(fact);
  }

  /** Facts that wait to be applied. */
  get waiting(): number {
    return this.queue.length - this.at;
  }

  /** Of the facts that were pushed, all up to this root-chain height are applied, or known not to be applicable. */
  get judgedHeight(): number {
    const next = this.queue[this.at];
    return next && !this.standstill ? next.height - 1 : Number.POSITIVE_INFINITY;
  }

  /** Applies as much as can be applied now. A second call while one runs waits for the first. */
  advance(): Promise<void> {
    return this.running ?? this.hold(() => this.run());
  }

  /** Does something while the books do not change. */
  hold(work: () => Promise<void>): Promise<void> {
    const held = (this.running ?? Promise.resolve()).then(work).finally(() => {
      if (this.running === held) this.running = undefined;
    });
    this.running = held;
    return held;
  }

  /** Ends for good, once the fact under way is applied: what waits is void. */
  async stop(): Promise<void> {
    this.queue.length = Math.min(this.queue.length, this.at + 1);
    await this.running;
    this.queue = [];
  }

  private async run(): Promise<void> {
    try {
      // What is pushed meanwhile is applied as well.
      for (; this.at < this.queue.length; this.at++) {
        if (!(await this.apply(this.queue[this.at]!))) return;
        this.standstill = undefined;
      }
    } finally {
      this.queue = this.queue.slice(this.at);
      this.at = 0;
    }
  }

  private async apply(fact: RootFact): Promise<boolean> {
    const { books, payoutOf, onInvalidPayout } = this.parts;
    const { event } = fact;
    if (event.name === 'BlockSubmitted') return this.applyBlock(fact as FactOf<'BlockSubmitted'>);
    if (event.name === 'DepositCreated') {
      books.deposit(fact as FactOf<'DepositCreated'>);
      return true;
    }
    const payout = payoutOf(fact);
    if (!payout) books.note(fact);
    else {
      const positions = books.paidOut(fact, payout);
      if (positions.length > 0) onInvalidPayout({ fact, exitId: payout.exitId, positions });
    }
    return true;
  }

  private async applyBlock(fact: FactOf<'BlockSubmitted'>): Promise<boolean> {
    const { books, blocks, store, judging, onBlock, log } = this.parts;
    const { blknum, root } = fact.event;
    const expected: ExpectedBlock = { number: blknum, hash: root };
    const body = await this.bodyOf(fact, expected);
    if (!body) return false;
    if (this.rejected && isSameBlock(this.rejected.body, body)) return false;
    const judged = await judgeGently(judging, books.ledger, expected, body);
    if (isInvalidBlock(judged)) {
      if (this.standstill?.kind !== 'invalid_block')
        log.error('a child block is invalid', { blknum, error: judged.error });
      this.rejected = { body, verdict: judged };
      this.standstill = { kind: 'invalid_block', fact, block: judged, body };
      return false;
    }
    this.rejected = undefined;
    await store.commit([...blocks.indexOf(judged), this.missing.forget(blknum)]);
    books.block(fact, judged);
    onBlock(blknum);
    return true;
  }

  /**
   * The block's body: from the disk, else from the child chain, and then to the disk before it is judged. A body that
   * was judged wrong is asked for anew: whoever handed it out may have lied, not the chain.
   */
  private async bodyOf(
    fact: RootFact,
    expected: ExpectedBlock,
  ): Promise<ReceivedBlock | undefined> {
    const { blocks, clock, patienceMs } = this.parts;
    const { number: blknum, hash } = expected;
    const wasRejected = this.rejected?.verdict.blknum === blknum;
    const stored = wasRejected ? undefined : blocks.block(blknum);
    // The root chain may have taken back a block of the same number.
    if (stored && equalBytes(stored.hash, hash)) return stored;
    const before = this.missing.get(blknum);
    if (before && clock.nowMs() < before.next) {
      this.standstill ??= missingStandstill(fact, expected, before, clock.nowMs(), patienceMs);
      return undefined;
    }
    this.fetchAhead();
    const fetched = await this.fetch(blknum, hash);
    this.fetching.delete(blknum);
    if (fetched instanceof Error) {
      const missing = await this.missing.failed(blknum, clock.nowMs());
      if (wasRejected) return undefined; // it stays known as invalid
      this.standstill = missingStandstill(fact, expected, missing, clock.nowMs(), patienceMs);
      return undefined;
    }
    const body = numbered(expected, fetched);
    if (this.rejected && isSameBlock(this.rejected.body, body)) {
      await this.missing.failed(blknum, clock.nowMs());
      return undefined;
    }
    await blocks.put({ ...body, number: blknum, hash });
    return body;
  }

  private fetch(blknum: number, hash: Uint8Array): Promise<ReceivedBlock | Error> {
    const running = this.fetching.get(blknum);
    if (running) return running;
    const { childChain } = this.parts;
    const fetching = childChain
      .block(hash)
      .then((block) => block ?? notThere(blknum))
      .catch((error: Error) => error);
    this.fetching.set(blknum, fetching);
    return fetching;
  }

  private fetchAhead(): void {
    const { blocks } = this.parts;
    for (let at = this.at, found = 0; at < this.queue.length && found < AHEAD; at++) {
      const { event } = this.queue[at]!;
      if (event.name !== 'BlockSubmitted') continue;
      found++;
      if (!blocks.has(event.blknum)) void this.fetch(event.blknum, event.root);
    }
  }
}

function missingStandstill(
  fact: RootFact,
  { number: blknum, hash }: ExpectedBlock,
  missing: Missing,
  nowMs: number,
  patienceMs: number,
): Standstill {
  const withheld = isWithheld(missing, nowMs, patienceMs);
  return { kind: 'missing_block', fact, blknum, hash, missing, withheld };
}

function notThere(blknum: number): PalisadeError {
  return new PalisadeError({
    code: 'watcher/block-not-there',
    message: `The child chain does not hand out block ${blknum}.`,
    retry: 'later',
  });
}
