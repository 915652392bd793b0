/**
 * Brings the chain and the books of use together, one agreement at a time: files starts, the best
 * usage voucher of every session, receipts that the client did not file, and lets go of what is
 * over. It always looks at the chain first, so that doing it twice does no harm.
 */
import type { Clock, PalisadeError, Signer } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import {
  AGREEMENT_STATE,
  type Agreement,
  fileVoucher,
  isOpen,
  jobQuery,
  partnerComplete,
  start,
} from '@palisade/market/schema';
import { agreementOf } from '../agreements/check-voucher.ts';
import { isFinal } from '../agreements/tender.ts';
import type { PartnerTiming } from '../config.ts';
import { fitText } from '../fit-text.ts';
import { type Network, untilIncluded } from '../network.ts';
import { type HexId, hexOf } from '../records/agreement.ts';
import type { RecordBook } from '../records/record-book.ts';
import { WorkQueue } from '../work-queue.ts';
import type { UsageRecord } from './usage-record.ts';

/** Agreements looked after at once: each waits for blocks most of the time. */
const AT_ONCE = 16;
/** Room for a reason in the record. */
const MAX_REASON = 200;
const NO_RESULT = new Uint8Array(32);

export type UsageTenderOptions = {
  readonly network: Network;
  readonly signer: Signer;
  readonly book: RecordBook<UsageRecord>;
  readonly timing: PartnerTiming;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** An agreement began or ended: another one may be taken. */
  readonly onChange: () => void;
};

export class UsageTender {
  readonly #options: UsageTenderOptions;
  readonly #queue: WorkQueue;

  constructor(options: UsageTenderOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      name: 'looking after an agreement',
      concurrency: AT_ONCE,
      firstPauseMs: options.timing.retryMs,
      log: options.log,
      signal: options.signal,
      run: (job) => this.#tend(job),
    });
  }

  add(job: Uint8Array, afterMs = 0): void {
    this.#queue.add(hexOf(job), afterMs);
  }

  /** Looks after everything: a session may have begun, a term may be over. */
  addAll(): void {
    for (const { job } of this.#options.book.all()) this.add(job);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #tend(id: HexId): Promise<void> {
    const { book, network, signer, signal } = this.#options;
    const known = book.get(id);
    if (!known || signal.aborted) return;
    const view = await network.find(jobQuery, { id: known.job });
    if (!view) return; // not on this validator's chain yet; the next look asks again
    const mine = agreementOf(view, signer.id);
    if (!mine) return isOpen(view.job) ? this.#start(known) : this.#end(known, view.job.reason);
    const { active, disputed } = AGREEMENT_STATE;
    if (mine.state !== active && mine.state !== disputed)
      return this.#end(known, 'everything is paid');
    const session = (await network.session()).number;
    const noted = await this.#noteActive(known, mine, session);
    if (mine.final === 1) return; // paid with the running session, and over then
    if (this.#mustFileReceipt(noted)) return this.#fileReceipt(noted);
    if (this.#mustFileVoucher(noted, mine, session)) await this.#fileVoucher(noted, session);
  }

  /** The client did not file what both signed, and had its time (C2V-7.G1). */
  #mustFileReceipt({ receiptSignature, receiptMs }: UsageRecord): boolean {
    if (receiptSignature.length === 0) return false;
    const { clock, timing } = this.#options;
    return BigInt(clock.nowMs()) >= receiptMs + BigInt(timing.inclusionMs);
  }

  /** Once a session, so that the client's running total is paid as it grows; and before the window closes. */
  #mustFileVoucher(
    { sequence, filedInSession, receiptSignature }: UsageRecord,
    { usageSequence, state }: Agreement,
    session: bigint,
  ): boolean {
    if (sequence <= usageSequence || receiptSignature.length > 0) return false;
    return session > filedInSession || state === AGREEMENT_STATE.disputed;
  }

  async #start(known: UsageRecord): Promise<void> {
    const { network, signer, book, log, signal } = this.#options;
    const { job, rateSequence: sequence, rate, sessions, rateSignature: clientSignature } = known;
    if (known.transaction.length > 0) await this.#outlast(known.transaction);
    try {
      const fields = { job, sequence, rate, sessions, clientSignature };
      const posted = await network.post(start, fields, signer, { isWitnessed: true, signal });
      await book.update(job, (now) => now && { ...now, transaction: posted.id });
      const { height } = await untilIncluded(network, posted, signal);
      log.info('an agreement is on chain', { job, height });
    } catch (error) {
      if (!isFinal(error)) throw error;
      const view = await network.find(jobQuery, { id: job });
      if (!view || !agreementOf(view, signer.id)) return this.#refused(known, error);
    }
    await this.#tend(hexOf(job));
  }

  /** A start of an earlier process may still wait for its block; whatever becomes of it, the chain decides. */
  async #outlast(transaction: Uint8Array): Promise<void> {
    const { network, timing, signal } = this.#options;
    const patience = AbortSignal.any([signal, AbortSignal.timeout(timing.inclusionMs)]);
    await network.waitFor(transaction, { signal: patience }).catch(() => {});
  }

  #refused(known: UsageRecord, error: PalisadeError): Promise<void> {
    this.#options.log.warn('the chain refused a voucher', { job: known.job, err: error });
    return this.#end(known, error.message);
  }

  async #noteActive(known: UsageRecord, mine: Agreement, session: bigint): Promise<UsageRecord> {
    const { lastSession } = mine;
    if (known.state === 'active' && known.lastSession === lastSession) return known;
    const filedInSession = known.state === 'active' ? known.filedInSession : session;
    const after = { state: 'active', lastSession, filedInSession } as const;
    const noted = await this.#options.book.update(known.job, (now) => now && { ...now, ...after });
    this.#options.onChange();
    return noted ?? known;
  }

  async #fileVoucher(known: UsageRecord, session: bigint): Promise<void> {
    const { network, signer, book, log, signal } = this.#options;
    const { job, sequence, units, amount, timeMs, previous, signature } = known;
    const fields = { job, sequence, units, amount, timeMs, previous, clientSignature: signature };
    try {
      const posted = await network.post(fileVoucher, fields, signer, { signal });
      await untilIncluded(network, posted, signal);
      log.info('a usage voucher is on chain', { job, sequence, units, amount });
    } catch (error) {
      if (!isFinal(error)) throw error;
      log.warn('the chain refused a usage voucher', { job, err: error });
    }
    await book.update(job, (now) => now && { ...now, filedInSession: session });
  }

  /** The partner's copy of the receipt ends the agreement as the client's would. */
  async #fileReceipt(known: UsageRecord): Promise<void> {
    const { network, signer, book, log, signal } = this.#options;
    const { job, units, amount, receiptSignature: clientSignature } = known;
    const { receiptSequence: sequence, receiptSession: lastSession } = known;
    const fields = { job, sequence, lastSession, units, amount, result: NO_RESULT };
    try {
      const receipt = { ...fields, clientSignature };
      const how = { isWitnessed: true, signal };
      const posted = await network.post(partnerComplete, receipt, signer, how);
      await untilIncluded(network, posted, signal);
      log.info('a receipt is on chain', { job, units, amount });
    } catch (error) {
      if (!isFinal(error)) throw error;
      log.warn('the chain refused a receipt', { job, err: error });
      // Then the vouchers themselves are what it is paid by.
      await book.update(job, (now) => now && { ...now, receiptSignature: new Uint8Array(0) });
    }
  }

  async #end({ job }: UsageRecord, reason: string): Promise<void> {
    const { book, log, onChange } = this.#options;
    const after = { state: 'ended', reason: fitText(reason, MAX_REASON) } as const;
    await book.update(job, (now) => now && { ...now, ...after });
    log.info('an agreement ended', { job, reason });
    onChange();
  }
}
