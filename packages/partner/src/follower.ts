/**
 * Follows the chain: its events as they come, and a look at the running session now and then, so
 * that nothing hangs on one lost event. Where it stopped is on disk: payments that happened while
 * the partner was down are in its books all the same.
 */

import { type EventDeclaration, randomnessFixed, sessionStarted } from '@palisade/chain/schema';
import { readEvent } from '@palisade/client';
import { type Clock, equalBytes, PalisadeError, type Signer } from '@palisade/core';
import { type Logger, pause } from '@palisade/daemon';
import {
  agreementEnded,
  agreementExtended,
  agreementStarted,
  auditAnswered,
  auditMissed,
  jobConfirmed,
  jobEnded,
  partnerPaid,
} from '@palisade/market/schema';
import type { Tender } from './agreements/tender.ts';
import type { Auditor } from './audits/auditor.ts';
import type { PartnerTiming } from './config.ts';
import type { PartnerMetrics } from './metrics.ts';
import type { ChainEvent, Network } from './network.ts';
import { settled } from './pool/stopping.ts';
import { hexOf } from './records/agreement.ts';
import type { AgreementBook } from './records/agreement-book.ts';
import type { Ledger } from './records/ledger.ts';
import { readJson, savedFile } from './records/saved-file.ts';

/** Base units of one PAL, for a gauge that a double can hold. */
const PAL = 1e18;
/** The place is written this often at most, ms: events of the time between are read twice, no more. */
const SAVE_MS = 5000;

const TOPICS: readonly EventDeclaration<never>[] = [
  randomnessFixed,
  sessionStarted,
  agreementStarted,
  agreementExtended,
  agreementEnded,
  auditAnswered,
  auditMissed,
  partnerPaid,
  jobConfirmed,
  jobEnded,
] as never;

export type FollowerOptions = {
  readonly network: Network;
  readonly signer: Signer;
  readonly book: AgreementBook;
  readonly ledger: Ledger;
  readonly tender: Tender;
  readonly auditor: Auditor;
  /** File of the height up to which events were handled. */
  readonly path: string;
  readonly timing: PartnerTiming;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
  readonly signal: AbortSignal;
  /** A session runs: told at its beginning, and again. */
  readonly onSession: (session: bigint) => void;
  /** Looks at what the chain drew this partner to keep in a running session. */
  readonly onDraw: (session: bigint) => Promise<void>;
  /** A job stands in the file of a block. */
  readonly onJob: (job: Uint8Array, height: bigint) => void;
  /** Looks at everything else that changes with time. */
  readonly onPoll: () => Promise<void>;
};

export class Follower {
  readonly #options: FollowerOptions;
  #height: bigint | undefined;
  #savedMs = 0;
  #earned = 0;
  #running: Promise<unknown> = Promise.resolve();
  readonly #file;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#file = savedFile(options.path, () => `{"height":"${this.#height}"}\n`);
  }

  /** Begins; resolves after the first look at the session. */
  async start(): Promise<void> {
    const json = (await readJson(this.#options.path).catch(() => undefined)) as
      | { height?: unknown }
      | undefined;
    if (typeof json?.height === 'string' && /^\d{1,19}$/.test(json.height))
      this.#height = BigInt(json.height);
    // The first start reads from here on; what comes before it was no business of this partner.
    else this.#height = (await this.#options.network.status()).height;
    await this.lookAtSession();
    this.#running = Promise.all([this.#followEvents(), this.#poll()]);
  }

  /** Resolves when nothing is being handled any more. The signal must have been given. */
  async stop(): Promise<void> {
    await settled(this.#running);
    if (this.#height !== undefined) await this.#file.save();
  }

  /** Takes up what the running session asks for. */
  async lookAtSession(): Promise<void> {
    const { network, auditor, tender, onSession, onDraw } = this.#options;
    const session = await network.session();
    onSession(session.number);
    tender.addAll(session.number);
    await auditor.look(session);
    if (session.randomnessHeight > 0n) await onDraw(session.number);
  }

  async #poll(): Promise<void> {
    const { timing, signal, log, onPoll } = this.#options;
    while (!signal.aborted) {
      await pause(timing.pollMs, signal);
      if (signal.aborted) return;
      try {
        await onPoll();
        await this.lookAtSession();
      } catch (error) {
        if (!signal.aborted) log.warn('the running session is not known', { err: error });
      }
    }
  }

  async #followEvents(): Promise<void> {
    const { network, timing, signal, log } = this.#options;
    const topics = TOPICS.map(({ name }) => name);
    while (!signal.aborted) {
      try {
        const from = (this.#height ?? 0n) + 1n;
        for await (const event of network.events({ topics, from, signal })) {
          await this.#handle(event);
          await this.#advance(event.height);
        }
      } catch (error) {
        if (signal.aborted) return;
        log.warn('the stream of events broke', { err: error });
      }
      await pause(timing.retryMs, signal);
    }
  }

  /** Everything below this height was handled: this block's other events may still come. */
  async #advance(height: bigint): Promise<void> {
    this.#height = height - 1n;
    const now = this.#options.clock.nowMs();
    if (now - this.#savedMs < SAVE_MS) return;
    this.#savedMs = now;
    await this.#file.save();
  }

  /** Handles an event; one that can never be handled is passed over, or it would be the last. */
  async #handle(event: ChainEvent): Promise<void> {
    try {
      await this.#take(event);
    } catch (error) {
      if (error instanceof PalisadeError && error.retry !== 'never') throw error;
      this.#options.log.error('an event could not be handled', { event: event.name, err: error });
    }
  }

  async #take(event: ChainEvent): Promise<void> {
    const { tender, auditor, book, onSession, onJob } = this.#options;
    const started = readEvent(sessionStarted, event);
    if (started) onSession(started.session);
    if (started) tender.addAll(started.session);
    if (readEvent(randomnessFixed, event)) await this.lookAtSession();
    const changed =
      readEvent(agreementStarted, event) ??
      readEvent(agreementExtended, event) ??
      readEvent(agreementEnded, event);
    if (changed && this.#isOurs(changed)) tender.add(changed.job);
    const ended = readEvent(jobEnded, event);
    if (ended && book.get(hexOf(ended.job))) tender.add(ended.job);
    const confirmed = readEvent(jobConfirmed, event);
    if (confirmed) onJob(confirmed.job, event.height);
    const answered = readEvent(auditAnswered, event);
    if (answered && this.#isOurs(answered)) await auditor.noteAnswered(answered, event.height);
    this.#noteMiss(event);
    await this.#notePayment(event);
  }

  #isOurs({ partner }: { readonly partner: Uint8Array }): boolean {
    return equalBytes(partner, this.#options.signer.id);
  }

  #noteMiss(event: ChainEvent): void {
    const missed = readEvent(auditMissed, event);
    if (!missed || !this.#isOurs(missed)) return;
    const { metrics, log } = this.#options;
    metrics.count('partner_audits_total', { outcome: 'missed' });
    log.error('an audit was missed and nothing is paid for its session', {
      job: missed.job,
      session: missed.session,
    });
  }

  async #notePayment(event: ChainEvent): Promise<void> {
    const paid = readEvent(partnerPaid, event);
    if (!paid || !this.#isOurs(paid)) return;
    const { ledger, metrics, log } = this.#options;
    const { session, job, partner, amount } = paid;
    if (!(await ledger.notePaid({ session, job, partner, amount, height: event.height }))) return;
    this.#earned += Number(amount) / PAL;
    metrics.set('partner_earned_pal', this.#earned);
    log.info('paid', { job, session, amount });
  }
}
