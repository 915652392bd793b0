/**
 * Challenges what is wrong by itself (X8, X9, X14): each challenge in a slot of its own, re-checked just before it is
 * sent, at a price that its bond and the time left allow, through the nonce lane of an account that holds gas
 * money and nothing else.
 */
import { type Clock, fromHex, utf8 } from '@palisade/core';
import { type Logger, pause } from '@palisade/daemon';
import type { Outcome, Sender } from '@palisade/rootchain';
import type { Hex } from 'viem';
import type { EntryBook } from '../accounting/entries.ts';
import { CHALLENGE_GAS } from '../accounting/funding.ts';
import { bookReceipt, settleEarlier } from '../accounting/settle.ts';
import type { Transactions } from '../blocks/transactions.ts';
import type { Mode } from '../danger/spend-gate.ts';
import type { Challenge } from '../exits/findings.ts';
import { blocksUntil, type Margins } from '../lateness.ts';
import type { Head, RootChain } from '../root/root-chain.ts';
import {
  type Draw,
  drawSlot,
  inOrderOfEnd,
  MAX_DELAY_BLOCKS,
  type Slot,
  waitAfterHead,
} from '../strategy/delay.ts';
import { bidFor, urgencyOf } from '../strategy/gas.ts';
import { challengeCall } from './challenge-data.ts';
import { bondAt } from './still-needed.ts';

export type ChallengerParts = {
  readonly root: RootChain;
  readonly sender: Sender;
  readonly transactions: Transactions;
  readonly margins: Margins;
  readonly minExitPeriodSeconds: number;
  readonly finalityMargin: number;
  readonly mode: Mode;
  readonly dryRun: boolean;
  /** Where what mined transactions cost and brought is booked. */
  readonly entries: EntryBook;
  readonly onSent: (challenge: Challenge, outcome: Outcome['kind']) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Logger;
};

/** What is known and true now; the challenger acts on nothing else. */
export type Situation = {
  readonly head: Head;
  readonly challenges: readonly Challenge[];
  /** Whether everything up to the finality margin was read, and judged by (X14). */
  readonly synced: boolean;
  readonly balance: bigint;
};

/** What becomes of one challenge here. */
type Task = {
  readonly slot: Slot;
  /** Half of the time that was left: the slot ends then, however slowly blocks come; seconds since 1970. */
  readonly latest: number;
  isSending: boolean;
  /** Root-chain height at which it may be tried again. */
  again: number;
  /** Height at which somebody else's challenge was first seen pending. */
  othersSince: number | undefined;
};

/** Blocks after which a challenge that failed is tried again: the reason may be a reorganisation. */
const REST_BLOCKS = 3;
/**
 * Blocks for which somebody else's pending challenge is trusted to be mined. Not longer: a thief could show one and
 * take it back.
 */
const TRUST_BLOCKS = 3;

export class Challenger {
  private readonly parts: ChallengerParts;
  private readonly tasks = new Map<string, Task>();
  private situation: Situation | undefined;

  constructor(parts: ChallengerParts) {
    this.parts = parts;
  }

  /** The account that it sends from, `0x` hex. */
  get address(): string {
    return this.parts.sender.address.toLowerCase();
  }

  /** Challenges that wait for their slot or are under way. */
  get open(): number {
    return this.tasks.size;
  }

  /** Looks at the situation after each new block, and acts. */
  look(situation: Situation): void {
    this.situation = situation;
    const { mode, log } = this.parts;
    if (mode === 'watch-only') return;
    if (!situation.synced) {
      if (situation.challenges.length > 0)
        log.warn('challenges wait: the watcher has not looked at everything yet', {
          challenges: situation.challenges.length,
        });
      return;
    }
    this.forget(situation);
    this.plan(situation);
    for (const challenge of situation.challenges) this.consider(challenge, situation);
  }

  /** What is settled is dropped: a later challenge of the same exit is a new one. */
  private forget({ challenges }: Situation): void {
    const subjects = new Set(challenges.map(({ subject }) => subject));
    for (const [subject, { isSending }] of this.tasks)
      if (!isSending && !subjects.has(subject)) this.tasks.delete(subject);
  }

  /** Draws slots for what is new. */
  private plan({ challenges, head }: Situation): void {
    const fresh = challenges.filter(({ subject }) => !this.tasks.has(subject));
    if (fresh.length === 0) return;
    const { blockTimeMs } = this.parts.margins;
    const draws = fresh.map((challenge) => this.draw(challenge, head));
    for (const { of: subject, slot, deadline } of inOrderOfEnd(
      draws,
      (MAX_DELAY_BLOCKS * blockTimeMs) / 1000,
    )) {
      const latest = head.seconds + (deadline - head.seconds) / 2;
      this.tasks.set(subject, { slot, latest, isSending: false, again: 0, othersSince: undefined });
    }
  }

  private draw(challenge: Challenge, head: Head): Draw<string> {
    const { margins, finalityMargin } = this.parts;
    const { subject, visibleAt } = challenge;
    const deadline = this.deadlineOf(challenge);
    // From where this watcher saw it: counted from the exit, the slots of all who look late would have
    // passed, and they would challenge at the same moment.
    const from = Math.max(visibleAt + finalityMargin, head.height);
    const left = blocksUntil(margins, head, deadline) + head.height - from;
    const slot = drawSlot({
      subject: utf8(subject),
      challenger: fromHex(this.address),
      ...{ from, blocksLeft: Math.max(0, left) },
    });
    return { of: subject, slot, deadline };
  }

  private consider(challenge: Challenge, { head }: Situation): void {
    const task = this.tasks.get(challenge.subject)!;
    if (task.isSending || head.height < task.again) return;
    const { blockTimeMs } = this.parts.margins;
    const wait =
      head.seconds >= task.latest ? 0 : waitAfterHead(task.slot, head.height, blockTimeMs);
    if (wait === undefined) return;
    task.isSending = true;
    void this.attempt(challenge.subject, task, wait);
  }

  /** What nothing was queued for yet cannot end before half of an exit period has passed. */
  private deadlineOf({ deadline, exit }: Challenge): number {
    if (deadline !== undefined) return deadline;
    const { minExitPeriodSeconds } = this.parts;
    const start = exit.kind === 'in-flight' ? exit.startSeconds : 0;
    return start + minExitPeriodSeconds / 2;
  }

  private async attempt(subject: string, task: Task, waitMs: number): Promise<void> {
    const { signal, log } = this.parts;
    try {
      await pause(waitMs, signal);
      if (!signal.aborted) await this.send(subject, task);
    } catch (err) {
      if (!signal.aborted) log.error('a challenge failed', { subject, err });
    } finally {
      task.isSending = false;
      const height = this.situation?.head.height ?? 0;
      task.again = Math.max(task.again, height + 1);
    }
  }

  private async send(subject: string, task: Task): Promise<void> {
    const { sender, root, transactions, dryRun, entries, log } = this.parts;
    const challenge = this.wanted(subject);
    const bond = challenge && (await this.bondFor(challenge, task));
    if (!challenge || bond === undefined) return;
    const bid = this.bid(challenge, bond);
    if (!bid.send) {
      log.warn('a challenge waits', { subject, reason: bid.reason });
      return;
    }
    const data = challengeCall(
      challenge,
      transactions,
      fromHex(this.address),
      root.sources.exitGame,
    );
    if (dryRun) {
      log.warn('would challenge', { subject, data });
      task.again = Number.MAX_SAFE_INTEGER;
      return;
    }
    log.info('challenging', { subject, maxFeePerGas: bid.maxFeePerGas });
    const self = this;
    let first = true;
    const outcome = await sender.send({
      to: root.contracts.exitGame,
      data: data as Hex,
      // Asked at every replacement, so that what is stuck offers more as time runs out.
      get maxFeePerGas() {
        const now = self.bid(challenge, bond);
        return now.send ? now.maxFeePerGas : bid.maxFeePerGas;
      },
      stillWanted: async () => (await bondAt(root, challenge, 'latest')) !== undefined,
      announce: async ({ hash: txHash, empty }) => {
        const reimbursed = paysAtOnce(challenge) ? bond : 0n;
        const { height } = this.situation!.head;
        const noted = { txHash, subject, height, empty, reimbursed };
        await entries.note(noted);
        // Last of all, with nothing slow after it: others may have sent since the slot came.
        if (!first || (await this.bondFor(challenge, task)) !== undefined) {
          first = false;
          return true;
        }
        await entries.forget(noted);
        return false;
      },
    });
    await this.conclude(challenge, outcome, task);
  }

  /** The challenge as it is wanted now, by what was judged last. */
  private wanted(subject: string): Challenge | undefined {
    const { situation } = this;
    if (!situation?.synced) return undefined;
    return situation.challenges.find((challenge) => challenge.subject === subject);
  }

  /**
   * The bond that the challenge would bring, by the newest block and by what is pending there; undefined when somebody
   * else was first.
   */
  private async bondFor(challenge: Challenge, task: Task): Promise<bigint | undefined> {
    const { root, log } = this.parts;
    const [bond, pending] = await Promise.all([
      bondAt(root, challenge, 'latest'),
      bondAt(root, challenge, 'pending'),
    ]);
    if (bond === undefined) return undefined;
    if (pending !== undefined) {
      task.othersSince = undefined;
      return bond;
    }
    const height = this.situation!.head.height;
    task.othersSince ??= height;
    const urgency = this.urgencyOf(challenge);
    if (urgency === 'last' || height - task.othersSince >= TRUST_BLOCKS) return bond;
    log.info('somebody else is challenging', { subject: challenge.subject });
    return undefined;
  }

  private urgencyOf(challenge: Challenge) {
    const { margins, minExitPeriodSeconds } = this.parts;
    const secondsLeft = this.deadlineOf(challenge) - this.situation!.head.seconds;
    return urgencyOf(margins, secondsLeft, minExitPeriodSeconds);
  }

  private bid(challenge: Challenge, bond: bigint) {
    const { head, balance } = this.situation!;
    return bidFor({
      urgency: this.urgencyOf(challenge),
      bond,
      gas: CHALLENGE_GAS[challenge.kind],
      ...{ baseFee: head.baseFee, balance },
    });
  }

  private async conclude(challenge: Challenge, outcome: Outcome, task: Task): Promise<void> {
    const { onSent, entries, log } = this.parts;
    const { subject } = challenge;
    task.again = (this.situation?.head.height ?? 0) + REST_BLOCKS;
    onSent(challenge, outcome.kind);
    if (outcome.kind === 'refused') {
      log.info('a challenge was not sent', { subject, why: outcome.refusal.message });
      return;
    }
    const { txHash, outcome: result } = await bookReceipt(entries, subject, outcome.receipt);
    log.info(result === 'won' ? 'challenged' : 'a challenge was lost', { subject, tx: txHash });
  }

  /** Books what an earlier run sent and did not live to book (X13). */
  async settle(height: number): Promise<void> {
    const { sender, entries, finalityMargin } = this.parts;
    await settleEarlier({ entries, sender, height, finalityMargin }, (subject) =>
      Boolean(this.tasks.get(subject)?.isSending),
    );
  }
}

/** Whether the bond comes with the challenge; that of canonicity comes when the exit ends, or never. */
function paysAtOnce({ kind }: Challenge): boolean {
  return kind === 'standard-exit' || kind === 'input-spent' || kind === 'output-spent';
}
