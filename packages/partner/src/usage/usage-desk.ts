/**
 * What clients do with a partner whose use they vouch for: hand over a rate voucher, which starts
 * the agreement, then usage vouchers as they use it, and a receipt at the end. Everything that is
 * acknowledged here is on disk before the answer leaves.
 */
import {
  type Clock,
  type Domain,
  digestOf,
  equalBytes,
  type Opened,
  type Refusal,
  refuse,
  type Signer,
  signEnvelope,
} from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import {
  clientReceipt,
  type JobView,
  jobQuery,
  partnerReceipt,
  usageVoucher,
} from '@palisade/market/schema';
import { agreementOf, checkRate, checkVoucher, type Voucher } from '../agreements/check-voucher.ts';
import type { Desk, DeskView } from '../agreements/desk.ts';
import { DeskDoor, noAgreement, noSuchJob } from '../agreements/desk-door.ts';
import type { Network } from '../network.ts';
import type { OfferBook } from '../offers/offer-book.ts';
import { hexOf } from '../records/agreement.ts';
import type { RecordBook } from '../records/record-book.ts';
import { done, type Outcome, refused } from '../storage/outcome.ts';
import { checkSize, checkUsage, checkUsageReceipt } from './check-usage.ts';
import { USAGE_VERSION, type UsageRecord } from './usage-record.ts';

const NO_BYTES = new Uint8Array(0);
const ZERO = new Uint8Array(32);

export type UsageDeskOptions = {
  readonly network: Network;
  readonly domain: Domain;
  readonly signer: Signer;
  readonly book: RecordBook<UsageRecord>;
  readonly offers: OfferBook;
  readonly clock: Clock;
  readonly log: Logger;
  /** A client of a match has come. */
  readonly onClient: (job: Uint8Array) => void;
  /** Something is to be done about an agreement on chain, now or after a while. */
  readonly tend: (job: Uint8Array, afterMs?: number) => void;
  /** How long the client has to file a receipt before this partner does, ms. */
  readonly receiptGraceMs: number;
};

export class UsageDesk implements Desk {
  readonly #options: UsageDeskOptions;
  readonly #door: DeskDoor;

  constructor(options: UsageDeskOptions) {
    this.#options = options;
    this.#door = new DeskDoor(options);
  }

  /** Takes a rate voucher: begins an agreement, or answers for one that is known. */
  takeVoucher(envelope: Uint8Array): Promise<Outcome<DeskView>> {
    return this.#door.takeVoucher(envelope, (opened) => this.#take(opened));
  }

  async #take(opened: Opened<Voucher>): Promise<Outcome<DeskView>> {
    const { book, network, signer, offers } = this.#options;
    const { value } = opened;
    if (book.get(hexOf(value.job))) return this.view(value.job);
    const view = await network.find(jobQuery, { id: value.job });
    if (!view) return refused(noSuchJob(value.job));
    const offer = offers.get(value.job);
    const bad =
      checkVoucher(opened, view, { partner: signer.id, mine: agreementOf(view, signer.id) }) ??
      checkSize(view) ??
      (offer ? checkRate(value, offer.rate) : notOffered());
    return bad ? refused(bad) : this.#begin(opened, view);
  }

  async #begin(
    { value, sender, signature }: Opened<Voucher>,
    { job }: JobView,
  ): Promise<Outcome<DeskView>> {
    const { book, offers, clock, log, tend } = this.#options;
    await book.update(value.job, () => ({
      version: USAGE_VERSION,
      job: value.job,
      client: sender,
      size: job.size,
      state: 'starting',
      sinceMs: BigInt(clock.nowMs()),
      rateSequence: value.sequence,
      rate: value.rate,
      sessions: value.sessions,
      rateSignature: signature,
      transaction: NO_BYTES,
      lastSession: 0n,
      sequence: 0,
      units: 0n,
      amount: 0n,
      timeMs: 0n,
      previous: ZERO,
      signature: NO_BYTES,
      filedInSession: 0n,
      receiptSequence: 0,
      receiptSession: 0n,
      receiptSignature: NO_BYTES,
      receiptMs: 0n,
      reason: '',
    }));
    await offers.close(value.job);
    this.#options.onClient(value.job);
    log.info('an agreement began', { job: value.job, size: job.size, rate: value.rate });
    tend(value.job);
    return this.view(value.job);
  }

  async view(job: Uint8Array): Promise<Outcome<DeskView>> {
    const known = this.#options.book.get(hexOf(job));
    if (!known) return refused(noAgreement(job));
    const { state, transaction } = known;
    return done({
      state: state === 'starting' ? 'starting' : 'complete',
      offset: 0,
      size: 0,
      ...(transaction.length > 0 ? { start: transaction } : {}),
    });
  }

  /** Nothing is uploaded here. */
  async takeOutline(): Promise<Outcome<DeskView>> {
    return refused(noContent());
  }

  async takeContent(): Promise<Outcome<DeskView>> {
    return refused(noContent());
  }

  async viewRun(): Promise<Outcome<never>> {
    return refused(noContent());
  }

  async output(): Promise<Outcome<never>> {
    return refused(noContent());
  }

  /**
   * Takes a usage voucher; answers with the units of the best one that is here then. One that is
   * here already is no error: it may be shown twice.
   */
  takeUsage(job: Uint8Array, envelope: Uint8Array): Promise<Outcome<bigint>> {
    return this.#door.take(envelope, usageVoucher, async (opened) => {
      const { value, signature } = opened;
      if (!equalBytes(value.job, job)) return refused(otherJob());
      const { book, signer } = this.#options;
      const known = book.get(hexOf(job));
      if (!known) return refused(noAgreement(job));
      if (value.sequence === known.sequence && value.units === known.units)
        return done(known.units);
      const bad = checkUsage(opened, known, signer.id, this.#digest(known));
      if (bad) return refused(bad);
      const { sequence, units, amount, timeMs, previous } = value;
      await book.update(
        job,
        (now) => now && { ...now, sequence, units, amount, timeMs, previous, signature },
      );
      return done(units);
    });
  }

  /** Digest of the voucher that is here; zero without one. */
  #digest({ job, sequence, units, amount, timeMs, previous }: UsageRecord): Uint8Array {
    if (sequence === 0) return ZERO;
    const { domain, signer } = this.#options;
    const value = { job, partner: signer.id, sequence, units, amount, timeMs, previous };
    return digestOf(usageVoucher, value, domain);
  }

  /** Counter-signs a client's receipt (P2V-8): both together end the agreement on chain. */
  takeReceipt(envelope: Uint8Array): Promise<Outcome<Uint8Array>> {
    return this.#door.take(envelope, clientReceipt, async (opened) => {
      const { job } = opened.value;
      const { book, network, domain, signer, clock, tend, receiptGraceMs, log } = this.#options;
      const known = book.get(hexOf(job));
      if (!known) return refused(noAgreement(job));
      const { number } = await network.session();
      const bad = checkUsageReceipt(opened, known, { partner: signer.id, session: number });
      if (bad) return refused(bad);
      const { sequence, lastSession, units, amount } = opened.value;
      const receipt = {
        receiptSequence: sequence,
        receiptSession: lastSession,
        receiptSignature: opened.signature,
        receiptMs: BigInt(clock.nowMs()),
      };
      await book.update(job, (now) => now && { ...now, ...receipt });
      log.info('a receipt was counter-signed', { job, units, amount });
      tend(job, receiptGraceMs);
      return done(await signEnvelope(partnerReceipt, opened.value, domain, signer));
    });
  }
}

function notOffered(): Refusal {
  return refuse('partner/not-offered', 'This partner has not offered to take that job.', {
    next: 'Wait for its offer, and take that up.',
  });
}

function otherJob(): Refusal {
  return refuse('partner/other-job', 'It is about another job.');
}

function noContent(): Refusal {
  return refuse('partner/no-content', 'This partner keeps no contents and runs no modules.');
}
