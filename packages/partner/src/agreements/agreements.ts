/**
 * What clients do with a partner: hand over a voucher, send the content, end the agreement with a
 * receipt. Everything that is acknowledged here is on disk before the answer leaves.
 */
import {
  type Clock,
  type Domain,
  isRefusal,
  type Opened,
  type Refusal,
  refuse,
  type Signer,
  signEnvelope,
} from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { clientReceipt, type JobView, jobQuery, partnerReceipt } from '@palisade/market/schema';
import { checkRunReceipt } from '../compute/check-run-receipt.ts';
import type { ComputeDesk, RunView } from '../compute/desk.ts';
import type { PartnerTerms } from '../config.ts';
import type { Network } from '../network.ts';
import { judgeJob } from '../offers/judge-job.ts';
import type { OfferBook } from '../offers/offer-book.ts';
import type { StandingLimits } from '../offers/standing-limits.ts';
import { type AgreementRecord, hexOf, NOTHING_YET, sizeOf } from '../records/agreement.ts';
import type { AgreementBook } from '../records/agreement-book.ts';
import type { Room } from '../room.ts';
import type { Outcome } from '../storage/index.ts';
import { done, refused } from '../storage/outcome.ts';
import { checkReceipt } from './check-receipt.ts';
import { agreementOf, checkRate, checkVoucher, succession, type Voucher } from './check-voucher.ts';
import type { Desk, DeskView } from './desk.ts';
import { DeskDoor, noAgreement, noSuchJob } from './desk-door.ts';
import type { Intake, Progress } from './intake.ts';

/** Agreements that run at once: each costs about 2 KiB of memory and a file. */
const MAX_AGREEMENTS = 50_000;

export type AgreementsOptions = {
  readonly network: Network;
  readonly domain: Domain;
  readonly signer: Signer;
  readonly book: AgreementBook;
  readonly offers: OfferBook;
  readonly intake: Intake;
  readonly room: Room;
  readonly terms: PartnerTerms & { readonly utility: number };
  /** Where computation is what is offered: what its runs came to. */
  readonly desk: ComputeDesk | undefined;
  /** Why the chain would refuse the start of a job that may earn that much. */
  readonly limits: StandingLimits;
  readonly clock: Clock;
  readonly log: Logger;
  /** Something is to be done about an agreement on chain, now or after a while. */
  readonly tend: (job: Uint8Array, afterMs?: number) => void;
  /** Room was taken. */
  readonly onChange: () => void;
  /** The client of a job came with its voucher. */
  readonly onClient: (job: Uint8Array) => void;
  /** How long the client has to file a receipt before this partner does, ms. */
  readonly receiptGraceMs: number;
};

export class Agreements implements Desk {
  readonly #options: AgreementsOptions;
  readonly #door: DeskDoor;

  constructor(options: AgreementsOptions) {
    this.#options = options;
    this.#door = new DeskDoor(options);
  }

  /** Takes a voucher: begins an agreement, answers for one that is known, or prolongs it. */
  takeVoucher(envelope: Uint8Array): Promise<Outcome<DeskView>> {
    return this.#door.takeVoucher(envelope, (opened) => this.#take(opened, envelope));
  }

  async #take(opened: Opened<Voucher>, envelope: Uint8Array): Promise<Outcome<DeskView>> {
    const { book, network, signer, terms } = this.#options;
    const { value } = opened;
    const before = book.get(hexOf(value.job));
    const place = succession(value, before);
    if (isRefusal(place)) return refused(place);
    if (place === 'same') return this.#view(before!);
    const view = await network.find(jobQuery, { id: value.job });
    if (!view) return refused(noSuchJob(value.job));
    const mine = agreementOf(view, signer.id);
    const bad =
      checkVoucher(opened, view, { partner: signer.id, mine }) ??
      checkTerm(value, terms) ??
      (before ? undefined : await this.#checkNew(value, view));
    if (bad) return refused(bad);
    return before ? this.#prolong(opened, envelope) : this.#begin(opened, envelope, view);
  }

  /** What a first voucher must bring: the rate that was offered or is asked, and there must be room. */
  async #checkNew(value: Voucher, { job }: JobView): Promise<Refusal | undefined> {
    const { offers, room, terms, book, limits } = this.#options;
    const offer = offers.get(value.job);
    const asked = offer?.rate ?? judgeJob(job, { ...terms, maxSessions: job.sessions });
    if (isRefusal(asked)) return asked;
    // Better told before the upload than after it.
    const bad = checkRate(value, asked) ?? (await limits(value.rate * BigInt(value.sessions)));
    if (bad) return bad;
    await room.refresh();
    // Asked only now: an offer that was made in the meantime keeps the room for this very job.
    if (offers.get(value.job)) return undefined;
    if (book.count >= MAX_AGREEMENTS) return noRoom(`${MAX_AGREEMENTS} agreements run here.`);
    const full = room.fullReason();
    if (full !== undefined) return noRoom(full);
    return room.fits(Number(job.size)) ? undefined : noRoom(`${job.size} bytes do not fit.`);
  }

  async #begin(
    opened: Opened<Voucher>,
    envelope: Uint8Array,
    { job }: JobView,
  ): Promise<Outcome<DeskView>> {
    const { book, offers, clock, log, onChange } = this.#options;
    const { value, sender, signature } = opened;
    const agreement = await book.update(value.job, () => ({
      ...NOTHING_YET,
      job: value.job,
      client: sender,
      contentId: job.subject,
      size: job.size,
      state: 'upload',
      sinceMs: BigInt(clock.nowMs()),
      voucher: envelope,
      clientSignature: signature,
      sequence: value.sequence,
      rate: value.rate,
      sessions: value.sessions,
    }));
    await offers.close(value.job);
    this.#options.onClient(value.job);
    log.info('an agreement began', { job: value.job, size: job.size, rate: value.rate });
    onChange();
    return this.#view(agreement!);
  }

  async #prolong(
    { value, signature }: Opened<Voucher>,
    envelope: Uint8Array,
  ): Promise<Outcome<DeskView>> {
    const { book, log, tend } = this.#options;
    const { sequence, rate, sessions } = value;
    const agreement = await book.update(
      value.job,
      (known) =>
        known && {
          ...known,
          voucher: envelope,
          clientSignature: signature,
          sequence,
          rate,
          sessions,
        },
    );
    log.info('a newer voucher came', { job: value.job, sequence, sessions });
    if (agreement?.state !== 'upload') tend(value.job);
    return agreement ? this.#view(agreement) : refused(noAgreement(value.job));
  }

  /** How far the run of a computation job is. */
  async viewRun(job: Uint8Array): Promise<Outcome<RunView>> {
    return this.#options.desk?.view(job) ?? refused(noAgreement(job));
  }

  /** The output of a run whose receipt is signed. */
  async output(job: Uint8Array): Promise<Outcome<Uint8Array>> {
    return this.#options.desk?.output(job) ?? refused(noAgreement(job));
  }

  /** How far an agreement is. */
  async view(job: Uint8Array): Promise<Outcome<DeskView>> {
    const agreement = this.#options.book.get(hexOf(job));
    return agreement ? this.#view(agreement) : refused(noAgreement(job));
  }

  async takeOutline(job: Uint8Array, roots: Uint8Array): Promise<Outcome<DeskView>> {
    const agreement = this.#options.book.get(hexOf(job));
    if (!agreement) return refused(noAgreement(job));
    if (agreement.state !== 'upload') return this.#view(agreement);
    return this.#advance(agreement, await this.#options.intake.takeOutline(agreement, roots));
  }

  /** Takes content bytes from `offset` on; with the last of them, the agreement starts. */
  async takeContent(
    job: Uint8Array,
    offset: number,
    source: AsyncIterable<Uint8Array>,
  ): Promise<Outcome<DeskView>> {
    const agreement = this.#options.book.get(hexOf(job));
    if (!agreement) return refused(noAgreement(job));
    if (agreement.state !== 'upload') return this.#view(agreement);
    return this.#advance(agreement, await this.#options.intake.append(agreement, offset, source));
  }

  async #view(agreement: AgreementRecord): Promise<Outcome<DeskView>> {
    if (agreement.state === 'upload')
      return this.#advance(agreement, await this.#options.intake.progress(agreement));
    return done(viewOf(agreement, sizeOf(agreement)));
  }

  /** Moves an agreement on when its content is complete, and those of other jobs with it. */
  async #advance(
    agreement: AgreementRecord,
    progress: Outcome<Progress>,
  ): Promise<Outcome<DeskView>> {
    if (!progress.ok) return progress;
    const { offset, complete } = progress.value;
    if (!complete) return done(viewOf(agreement, offset));
    const started = await this.#start(agreement);
    for (const other of this.#options.book.ofContent(agreement.contentId)) {
      if (other.state !== 'upload') continue;
      const same = await this.#options.intake.progress(other);
      if (same.ok && same.value.complete) await this.#start(other);
    }
    return done(viewOf(started ?? agreement, sizeOf(agreement)));
  }

  async #start({ job }: AgreementRecord): Promise<AgreementRecord | undefined> {
    const { book, tend, onChange } = this.#options;
    const agreement = await book.update(job, (known) =>
      known?.state === 'upload' ? { ...known, state: 'starting' } : known,
    );
    tend(job);
    onChange();
    return agreement;
  }

  /** Counter-signs a client's receipt (P2V-8): both together end the agreement on chain. */
  takeReceipt(envelope: Uint8Array): Promise<Outcome<Uint8Array>> {
    return this.#door.take(envelope, clientReceipt, async (opened) => {
      const { job } = opened.value;
      const { book, network, domain, signer, desk, clock, tend, receiptGraceMs, log } =
        this.#options;
      const agreement = book.get(hexOf(job));
      if (!agreement) return refused(noAgreement(job));
      const { number } = await network.session();
      const own = { partner: signer.id, session: number, domain };
      const bad = desk
        ? checkRunReceipt(opened, agreement, await desk.find(job), own)
        : checkReceipt(opened, agreement, own);
      if (bad) return refused(bad);
      const { lastSession, sequence } = opened.value;
      await book.update(
        job,
        (known) =>
          known && {
            ...known,
            receipt: envelope,
            receiptSignature: opened.signature,
            receiptSequence: sequence,
            receiptSession: lastSession,
            receiptMs: BigInt(clock.nowMs()),
          },
      );
      await desk?.release(job);
      log.info('a receipt was counter-signed', { job, lastSession });
      tend(job, receiptGraceMs);
      return done(await signEnvelope(partnerReceipt, opened.value, domain, signer));
    });
  }
}

function viewOf(agreement: AgreementRecord, offset: number): DeskView {
  const { state, transaction } = agreement;
  return {
    state: state === 'upload' || state === 'starting' ? state : 'complete',
    offset,
    size: sizeOf(agreement),
    ...(transaction.length > 0 ? { start: transaction } : {}),
  };
}

function checkTerm({ sessions }: Voucher, { maxSessions }: PartnerTerms): Refusal | undefined {
  if (sessions <= maxSessions) return undefined;
  return refuse(
    'partner/term-too-long',
    `The voucher runs for ${sessions} sessions; this partner takes up to ${maxSessions}.`,
  );
}

export function noRoom(why: string): Refusal {
  return refuse('partner/no-room', why, { retry: 'later', next: 'Ask another partner.' });
}
