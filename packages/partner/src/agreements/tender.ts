/**
 * Brings the chain and the partner's books together, one agreement at a time: files starts and
 * renewals, notes what the chain made of them, files receipts that the client did not, and lets go
 * of what is over. It always looks at the chain first, so that doing it twice does no harm.
 */
import {
  type Clock,
  catalogue,
  type Domain,
  isRefusal,
  open,
  PalisadeError,
  type Signer,
} from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import {
  AGREEMENT_STATE,
  type Agreement,
  clientReceipt,
  isOpen,
  type JobView,
  jobQuery,
  partnerComplete,
  type Receipt,
  start,
  UTILITY,
} from '@palisade/market/schema';
import type { PartnerTiming } from '../config.ts';
import { fitText } from '../fit-text.ts';
import { type Network, untilIncluded } from '../network.ts';
import { type AgreementRecord, type HexId, hexOf } from '../records/agreement.ts';
import type { AgreementBook } from '../records/agreement-book.ts';
import { WorkQueue } from '../work-queue.ts';
import { agreementOf } from './check-voucher.ts';
import type { Intake } from './intake.ts';

/** Agreements looked after at once: each waits for blocks most of the time. */
const AT_ONCE = 16;
/** Room for a reason in the record. */
const MAX_REASON = 200;

export type TenderOptions = {
  readonly network: Network;
  readonly domain: Domain;
  readonly terms: { readonly utility: number };
  readonly signer: Signer;
  readonly book: AgreementBook;
  readonly intake: Intake;
  readonly timing: PartnerTiming;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** An agreement became active: it may be due in the running session. */
  readonly onActive: () => void;
  /** Room was given back. */
  readonly onChange: () => void;
};

export class Tender {
  readonly #options: TenderOptions;
  readonly #queue: WorkQueue;
  /** When this process began: uploads it has not seen grow are counted from here. */
  readonly #sinceMs: number;
  /** Jobs whose start this process filed, or waited for. */
  readonly #filedHere = new Set<HexId>();

  constructor(options: TenderOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.nowMs();
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

  /** Looks after everything that the start of a session may have changed. */
  addAll(session: bigint): void {
    for (const agreement of this.#options.book.all()) {
      const { job, state, lastSession } = agreement;
      if (state !== 'active' || lastSession < session || this.#mustFileReceipt(agreement))
        this.add(job);
    }
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #tend(job: HexId): Promise<void> {
    const agreement = this.#options.book.get(job);
    if (!agreement || this.#options.signal.aborted) return;
    const view = await this.#view(agreement);
    if (!view) return; // not on this validator's chain yet; the next session asks again
    const mine = agreementOf(view, this.#options.signer.id);
    if (mine?.state === AGREEMENT_STATE.disputed) return this.#claim(agreement, mine);
    if (mine && mine.state !== AGREEMENT_STATE.active)
      return this.#end(agreement, this.#reasonOf(mine));
    if (!mine && !isOpen(view.job)) return this.#end(agreement, view.job.reason);
    if (agreement.state === 'upload') return this.#expire(agreement);
    if (!mine || mine.sequence < agreement.sequence) return this.#file(agreement);
    await this.#noteActive(agreement, mine);
    await this.#claim(agreement, mine);
  }

  /** Files the receipt that the client did not. What is paid by receipts alone has one last session. */
  async #claim(agreement: AgreementRecord, mine: Agreement): Promise<void> {
    const { final, lastSession } = mine;
    if (final === 0 && this.#mustFileReceipt({ ...agreement, lastSession }))
      await this.#fileReceipt(agreement);
  }

  /** The client did not file what both signed, and had its time (C2V-7 G1). */
  #mustFileReceipt({ receiptSession, receiptMs, lastSession }: AgreementRecord): boolean {
    const { clock, timing, terms } = this.#options;
    if (receiptSession === 0n) return false;
    // The end of storage that comes anyway needs no receipt; use is paid by nothing else.
    if (terms.utility === UTILITY.storage && lastSession <= receiptSession) return false;
    return BigInt(clock.nowMs()) >= receiptMs + BigInt(timing.inclusionMs);
  }

  #view({ job }: AgreementRecord): Promise<JobView | undefined> {
    return this.#options.network.find(jobQuery, { id: job });
  }

  #reasonOf({ state }: Agreement): string {
    return state === AGREEMENT_STATE.lost ? 'lost after missed audits' : 'the term is over';
  }

  /** Drops an upload that has not grown for too long. */
  async #expire(agreement: AgreementRecord): Promise<void> {
    const { intake, clock, timing } = this.#options;
    const grown = intake.grownMs(agreement.job) ?? this.#sinceMs;
    const idleMs = clock.nowMs() - Math.max(grown, Number(agreement.sinceMs));
    if (idleMs >= timing.uploadExpiryMs) await this.#end(agreement, 'its content did not come');
  }

  /** Files the start, or the renewal. P2V-5: the client's voucher makes it co-signed. */
  async #file(agreement: AgreementRecord): Promise<void> {
    const { network, signer, book, log, signal } = this.#options;
    if (await this.#outlasted(agreement)) return this.#tend(hexOf(agreement.job));
    this.#filedHere.add(hexOf(agreement.job));
    const { job, sequence, rate, sessions, clientSignature } = agreement;
    try {
      const fields = { job, sequence, rate, sessions, clientSignature };
      const posted = await network.post(start, fields, signer, { isWitnessed: true, signal });
      await book.update(job, (known) => known && { ...known, transaction: posted.id });
      const { height } = await untilIncluded(network, posted, signal);
      log.info('an agreement is on chain', { job, sequence, height });
    } catch (error) {
      if (!isFinal(error)) throw error;
      return this.#startRefused(agreement, error);
    }
    await this.#tend(hexOf(job));
  }

  /**
   * A start of an earlier process may still wait for its block, and a second one would cost a fee
   * for nothing: it is waited for, once. True when there was one.
   */
  async #outlasted({ job, transaction }: AgreementRecord): Promise<boolean> {
    const id = hexOf(job);
    if (transaction.length === 0 || this.#filedHere.has(id)) return false;
    const { network, timing, signal } = this.#options;
    const patience = AbortSignal.any([signal, AbortSignal.timeout(timing.inclusionMs)]);
    // Refused, lost or late: whatever became of it, what the chain has after it decides.
    await network.waitFor(transaction, { signal: patience }).catch(() => {});
    this.#filedHere.add(id);
    return true;
  }

  async #startRefused(agreement: AgreementRecord, error: PalisadeError): Promise<void> {
    const { book, log, signer } = this.#options;
    const view = await this.#view(agreement);
    const mine = view && agreementOf(view, signer.id);
    const active = mine?.state === AGREEMENT_STATE.active;
    if (active && mine.sequence >= agreement.sequence) return this.#noteActive(agreement, mine);
    log.warn('the chain refused a voucher', { job: agreement.job, err: error });
    if (!active) return this.#end(agreement, error.message);
    const { sequence, rate, sessions } = mine;
    await book.update(agreement.job, (known) => known && { ...known, sequence, rate, sessions });
  }

  async #noteActive(agreement: AgreementRecord, mine: Agreement): Promise<void> {
    const { firstSession, lastSession, sequence: filedSequence, rate: filedRate } = mine;
    const same =
      agreement.state === 'active' &&
      agreement.lastSession === lastSession &&
      agreement.filedSequence === filedSequence;
    if (same) return;
    const inForce = { firstSession, lastSession, filedSequence, filedRate };
    await this.#options.book.update(
      agreement.job,
      (known) => known && { ...known, ...inForce, state: 'active' },
    );
    this.#options.onActive();
  }

  /** The partner's copy of the receipt ends the agreement as the client's would. */
  async #fileReceipt(agreement: AgreementRecord): Promise<void> {
    const { network, domain, signer, book, log, signal } = this.#options;
    const { job, receipt: envelope, receiptSession, receiptSignature } = agreement;
    try {
      const receipt = receiptIn(envelope, domain);
      const posted = await network.post(
        partnerComplete,
        { ...receipt, clientSignature: receiptSignature },
        signer,
        { isWitnessed: true, signal },
      );
      await untilIncluded(network, posted, signal);
      log.info('a receipt is on chain', { job, lastSession: receiptSession });
    } catch (error) {
      if (!isFinal(error)) throw error;
      log.warn('the chain refused a receipt', { job, err: error });
      await book.update(job, (known) => known && { ...known, receiptSession: 0n });
    }
  }

  /** Lets go of the content first: a crash in between is mended by doing it again. */
  async #end(agreement: AgreementRecord, reason: string): Promise<void> {
    const { intake, book, log, onChange } = this.#options;
    const isGone = await intake.release(agreement);
    await book.update(
      agreement.job,
      (known) => known && { ...known, state: 'ended', reason: fitText(reason, MAX_REASON) },
    );
    this.#filedHere.delete(hexOf(agreement.job));
    log.info('an agreement ended', { job: agreement.job, reason, contentDeleted: isGone });
    onChange();
  }
}

const receipts = catalogue([clientReceipt]);

/** What a receipt says that was checked when it came. */
function receiptIn(envelope: Uint8Array, domain: Domain): Receipt {
  const opened = open(envelope, receipts, domain);
  if (isRefusal(opened)) throw PalisadeError.from(opened);
  return opened.value as Receipt;
}

/** A refusal by the market's rules that asking again would not change. */
export function isFinal(error: unknown): error is PalisadeError {
  return (
    error instanceof PalisadeError && error.retry === 'never' && error.code.startsWith('market/')
  );
}
