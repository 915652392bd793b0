/**
 * Answers the audits of a session: as soon as its randomness says which leaves are asked for, shows
 * them from the disk, and keeps at it until the answer is in a block or the session is over. The
 * answers are spread a little, so that not all partners send at the same moment.
 */
import { MAX_PAGE, type Session } from '@palisade/chain/schema';
import { type AuditProof, type Clock, PalisadeError, type Signer, toHex } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import {
  answerAudit,
  auditDueQuery,
  challenge,
  jobQuery,
  marketParamsQuery,
} from '@palisade/market/schema';
import { agreementOf } from '../agreements/check-voucher.ts';
import type { PartnerTiming } from '../config.ts';
import type { PartnerMetrics } from '../metrics.ts';
import { type Network, untilIncluded } from '../network.ts';
import { type AgreementRecord, type HexId, hexOf } from '../records/agreement.ts';
import type { AgreementBook } from '../records/agreement-book.ts';
import type { Ledger } from '../records/ledger.ts';
import type { ContentStore } from '../storage/index.ts';
import { WorkQueue } from '../work-queue.ts';
import { Gate } from './gate.ts';

/** Answers on their way at once: each waits for its block, so this many go into one or two of them. */
const AT_ONCE = 256;
/** Contents being proven at once: each reads 1 MiB per leaf, one after another. */
const PROVEN_AT_ONCE = 4;
/** Answers are spread over this long at most, whatever a session lasts, ms. */
const MAX_SPREAD_MS = 60_000;
/** Codes with which the store says that bytes are gone or changed. */
const DAMAGE: ReadonlySet<string> = new Set([
  'storage/leaf-damaged',
  'storage/content-damaged',
  'storage/content-missing',
]);

export type AuditorOptions = {
  readonly network: Network;
  readonly signer: Signer;
  readonly book: AgreementBook;
  readonly store: ContentStore;
  readonly ledger: Ledger;
  readonly timing: PartnerTiming;
  readonly sessionMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
  readonly signal: AbortSignal;
  /** The chain and our books do not agree about a job: somebody should look. */
  readonly tend: (job: Uint8Array) => void;
};

/** A session whose challenge is known. */
type Running = { readonly number: bigint; readonly seed: Uint8Array; readonly samples: number };

/** An answer of ours as the chain tells of it, and in which block. */
type Answered = { readonly job: Uint8Array; readonly session: bigint; readonly amount: bigint };
type Heard = { readonly answered: Answered; readonly height: bigint };

export class Auditor {
  readonly #options: AuditorOptions;
  readonly #queue: WorkQueue;
  readonly #proving = new Gate(PROVEN_AT_ONCE);
  #running: Running | undefined;
  /** Jobs taken up in the running session. */
  readonly #begun = new Set<HexId>();
  /** Jobs whose answer is being made or waited for, and what the chain told of it in the meantime. */
  readonly #inFlight = new Map<HexId, Heard | undefined>();

  constructor(options: AuditorOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      name: 'answering an audit',
      concurrency: AT_ONCE,
      firstPauseMs: options.timing.retryMs,
      log: options.log,
      signal: options.signal,
      run: (key) => this.#answer(key),
    });
  }

  /** The session whose audits are being answered. */
  get session(): bigint | undefined {
    return this.#running?.number;
  }

  /** Takes up what is due in the running session; may be called at any time, and again. */
  async look(session: Session): Promise<void> {
    if (session.randomnessHeight === 0n || this.#options.signal.aborted) return;
    if (this.#running?.number !== session.number) await this.#begin(session);
    const due = this.#dueIn(session);
    if (due.length === 0) return;
    const open = await this.#openOnChain(session.number);
    if (!this.#isRunning(session)) return; // another one began meanwhile, and is looked at as well
    const spread = Math.min(
      MAX_SPREAD_MS,
      (this.#options.sessionMs * this.#options.timing.auditSpreadPpm) / 1_000_000,
    );
    for (const { job } of due) {
      const id = hexOf(job);
      this.#begun.add(id);
      if (open && !open.has(id)) continue;
      this.#queue.add(`${session.number}:${id}`, Math.random() * spread);
    }
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #begin({ number, randomness }: Session): Promise<void> {
    const { network } = this.#options;
    const params = await network.find(marketParamsQuery, {});
    if (!params) throw new Error('the chain knows no market parameters');
    if (this.#running && this.#running.number >= number) return;
    this.#begun.clear();
    this.#running = { number, seed: randomness, samples: params.auditSamples };
  }

  #isRunning({ number }: Session): boolean {
    return this.#running?.number === number;
  }

  #dueIn(session: Session): readonly AgreementRecord[] {
    const { number } = session;
    if (!this.#isRunning(session)) return [];
    return this.#options.book
      .all()
      .filter(
        ({ state, job, firstSession, lastSession }) =>
          state === 'active' &&
          firstSession <= number &&
          number <= lastSession &&
          !this.#begun.has(hexOf(job)),
      );
  }

  /** Jobs that the chain still waits for; undefined when there are too many for one page. */
  async #openOnChain(session: bigint): Promise<ReadonlySet<HexId> | undefined> {
    const { network, signer } = this.#options;
    const found = await network.find(auditDueQuery, { session, partner: signer.id });
    if (!found || found.jobs.length >= MAX_PAGE) return undefined;
    return new Set(found.jobs.map(hexOf));
  }

  async #answer(key: string): Promise<void> {
    const [number, job] = key.split(':') as [string, HexId];
    const running = this.#running;
    const { book, ledger, metrics, signal } = this.#options;
    const agreement = book.get(job);
    if (!agreement || signal.aborted) return;
    if (running?.number !== BigInt(number)) {
      metrics.count('partner_audits_total', { outcome: 'late' });
      return;
    }
    if (await ledger.hasAnswer(running.number, job)) return;
    this.#inFlight.set(job, undefined);
    try {
      await this.#prove(agreement, running);
    } finally {
      const heard = this.#inFlight.get(job);
      this.#inFlight.delete(job);
      // Whoever waited may have given up too early, and would not find its answer by asking again.
      if (heard) await this.noteAnswered(heard.answered, heard.height);
    }
  }

  async #prove(agreement: AgreementRecord, { number, seed, samples }: Running): Promise<void> {
    const { store, signer, metrics, log } = this.#options;
    const { job, size, contentId } = agreement;
    const leaves = challenge(seed, job, signer.id, size, samples);
    const proven = await this.#proving.through(() => store.prove(contentId, leaves));
    if (proven.ok) return this.#send(agreement, number, proven.value);
    const { refusal } = proven;
    if (!DAMAGE.has(refusal.code)) throw PalisadeError.from(refusal);
    // No answer: a wrong one would be refused for a fee. Another session may ask for other leaves,
    // and the store remembers the damage for `/status`.
    metrics.count('partner_audits_total', { outcome: 'damaged' });
    log.error('a content is damaged and its audit cannot be answered', {
      job,
      contentId,
      session: number,
      why: refusal.message,
      next: refusal.next,
    });
  }

  async #send(
    agreement: AgreementRecord,
    session: bigint,
    proofs: readonly AuditProof[],
  ): Promise<void> {
    const { network, signer, ledger, metrics, log, signal } = this.#options;
    const { job, filedRate, filedSequence } = agreement;
    try {
      const posted = await network.post(
        answerAudit,
        { job, session, proofs: proofs.map(inForm) },
        signer,
        { signal },
      );
      const { height } = await untilIncluded(network, posted, signal);
      await ledger.noteAnswer({
        session,
        job,
        partner: signer.id,
        rate: filedRate,
        sequence: filedSequence,
        height,
        leaves: proofs.map(({ leafIndex }) => leafIndex),
        transaction: posted.id,
      });
      metrics.count('partner_audits_total', { outcome: 'answered' });
      log.info('an audit is answered', { job, session, height });
    } catch (error) {
      if (!this.#isOver(error, agreement)) throw error;
    }
  }

  /** Whether asking again is of no use; tells what there is to tell. */
  #isOver(error: unknown, { job }: AgreementRecord): boolean {
    const { metrics, log, tend } = this.#options;
    if (!(error instanceof PalisadeError) || !error.code.startsWith('market/')) return false;
    if (error.code === 'market/no-randomness-yet') return false;
    if (error.code === 'market/audit-answered') return true;
    metrics.count('partner_audits_total', { outcome: 'refused' });
    log.warn('the chain refused an audit answer', { job, err: error });
    tend(job);
    return true;
  }

  /** The chain tells of an answer: the book has it, or something kept it from being written. */
  async noteAnswered(answered: Answered, height: bigint): Promise<void> {
    const { network, ledger, signer, log } = this.#options;
    const { job, session, amount } = answered;
    const id = hexOf(job);
    if (this.#inFlight.has(id)) return void this.#inFlight.set(id, { answered, height });
    if (await ledger.hasAnswer(session, id)) return;
    const view = await network.find(jobQuery, { id: job });
    const mine = view && agreementOf(view, signer.id);
    const params = await network.find(marketParamsQuery, {});
    if (!view || !mine || !params) return;
    const { randomness } = await network.session(session);
    const sample = challenge(randomness, job, signer.id, view.job.size, params.auditSamples);
    const transaction = await this.#transactionIn(height, job);
    await ledger.noteAnswer({
      session,
      job,
      partner: signer.id,
      rate: amount,
      sequence: mine.sequence,
      height,
      leaves: sample,
      transaction,
    });
    log.info('an answer that the chain told of is in the book', { job, session });
  }

  async #transactionIn(height: bigint, job: Uint8Array): Promise<Uint8Array | undefined> {
    const { network, signer } = this.#options;
    const { transactions } = await network.block(height);
    return transactions.find(
      ({ name, code, sender, value }) =>
        name === answerAudit.name &&
        code === 0 &&
        sender === toHex(signer.id) &&
        (value as { job?: unknown } | null)?.job === toHex(job),
    )?.id;
  }
}

function inForm({ leafIndex, leaf, path }: AuditProof) {
  return { leafIndex: BigInt(leafIndex), leaf, path: [...path] };
}
