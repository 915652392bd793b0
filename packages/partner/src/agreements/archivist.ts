/**
 * Takes up payout files that the chain draws this partner to keep: fetches them from whoever has
 * them, starts on them without a client (spec/market.md, "Archive"), and goes on with them when their
 * term is renewed. From the start on they are agreements like all others.
 */
import { type Clock, isRefusal, PalisadeError, type Refusal, type Signer } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import {
  archiveCallsQuery,
  isOfArchive,
  type Job,
  jobQuery,
  lastOfTerm,
} from '@palisade/market/schema';
import type { PartnerTerms, PartnerTiming } from '../config.ts';
import type { Network } from '../network.ts';
import { judgeJob } from '../offers/judge-job.ts';
import type { StandingLimits } from '../offers/standing-limits.ts';
import { hexOf, NOTHING_YET } from '../records/agreement.ts';
import type { AgreementBook } from '../records/agreement-book.ts';
import type { Room } from '../room.ts';
import { WorkQueue } from '../work-queue.ts';
import { type Agreements, noRoom } from './agreements.ts';
import { noSuchJob } from './desk-door.ts';

/** Files fetched at once: each may take 14 MB of memory. */
const AT_ONCE = 2;
/** What stands in a start where a client's signature would: 65 bytes that nobody reads. */
const NO_SIGNATURE = new Uint8Array(65);

export type ArchivistOptions = {
  readonly network: Network;
  readonly signer: Signer;
  readonly book: AgreementBook;
  readonly agreements: Pick<Agreements, 'view' | 'takeContent'>;
  readonly room: Room;
  readonly terms: PartnerTerms & { readonly utility: number };
  readonly limits: StandingLimits;
  readonly timing: PartnerTiming;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** A newer term is to be filed. */
  readonly tend: (job: Uint8Array) => void;
};

type Call = { readonly job: Uint8Array; readonly session: bigint };

export class Archivist {
  readonly #options: ArchivistOptions;
  readonly #queue: WorkQueue;
  /** What this partner is drawn for, as last heard. */
  #calls = new Map<string, Call>();

  constructor(options: ArchivistOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      name: 'taking a payout file',
      concurrency: AT_ONCE,
      firstPauseMs: options.timing.retryMs,
      log: options.log,
      signal: options.signal,
      run: (job) => this.#take(job),
    });
  }

  /** Looks at what there is to take and to prolong in a session; may be called at any time, and again. */
  async look(session: bigint): Promise<void> {
    const { network, signer, book } = this.#options;
    const found = await network.find(archiveCallsQuery, { partner: signer.id });
    this.#calls = new Map((found?.calls ?? []).map((call) => [hexOf(call.job), call]));
    for (const id of this.#calls.keys()) {
      const state = book.get(id)?.state;
      if (state === undefined || state === 'upload') this.#queue.add(id);
    }
    for (const { job, state, voucher, lastSession } of book.all())
      if (state === 'active' && voucher.length === 0 && lastSession <= session + 1n)
        await this.#prolong(job, session);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #take(id: string): Promise<void> {
    const call = this.#calls.get(id);
    const { network, book, agreements, log, signal } = this.#options;
    if (!call || signal.aborted) return;
    const { job, session } = call;
    if (!book.get(id)) {
      const refusal = await this.#begin(job);
      if (refusal) {
        log.debug('a payout file is left to others', { job, session, why: refusal.message });
        this.#calls.delete(id);
        return;
      }
    }
    const bytes = await network.payoutFile(session);
    const view = await agreements.view(job);
    if (!bytes || !view.ok || view.value.state !== 'upload') return;
    const { offset } = view.value;
    const taken = await agreements.takeContent(job, offset, once(bytes.subarray(offset)));
    if (!taken.ok) throw PalisadeError.from(taken.refusal);
    log.info('a payout file is here', { job, session, size: bytes.length });
  }

  /** Writes the agreement down, unless it is none that this partner would take from a client. */
  async #begin(id: Uint8Array): Promise<Refusal | undefined> {
    const { network, book, clock } = this.#options;
    const view = await network.find(jobQuery, { id });
    if (!view) return noSuchJob(id);
    const { job } = view;
    const { number } = await network.session();
    // A start late in a session counts from the next, and may not outlast the term.
    const sessions = Number(lastOfTerm(job) - number);
    const refusal = await this.#judge({ ...job, sessions });
    if (refusal) return refusal;
    await book.update(id, () => ({
      ...NOTHING_YET,
      job: id,
      client: job.client,
      contentId: job.subject,
      size: job.size,
      state: 'upload',
      sinceMs: BigInt(clock.nowMs()),
      clientSignature: NO_SIGNATURE,
      sequence: 1,
      rate: job.maxRate,
      sessions,
    }));
    return undefined;
  }

  async #judge(job: Job): Promise<Refusal | undefined> {
    const { room, terms, limits } = this.#options;
    const asked = judgeJob(job, terms);
    if (isRefusal(asked)) return asked;
    await room.refresh();
    const full =
      room.fullReason() ?? (room.fits(Number(job.size)) ? undefined : 'It does not fit.');
    if (full !== undefined) return noRoom(full);
    return limits(job.maxRate * BigInt(job.sessions));
  }

  /** The term was renewed, and this partner's is nearly over: it goes on to the end of the new one. */
  async #prolong(id: Uint8Array, session: bigint): Promise<void> {
    const { network, book, terms, tend } = this.#options;
    const view = await network.find(jobQuery, { id });
    if (!view || !isOfArchive(view.job)) return;
    const last = lastOfTerm(view.job);
    if (Number(last - session) > terms.maxSessions) return;
    await book.update(id, (known) => {
      if (!known || last <= known.lastSession) return known;
      const sessions = Number(last - known.firstSession) + 1;
      if (sessions <= known.sessions) return known;
      return { ...known, clientSignature: NO_SIGNATURE, sequence: known.sequence + 1, sessions };
    });
    tend(id);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
