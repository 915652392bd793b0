/** From a notice to an offer (P2V-3): takes what fits room, price and term, and says so. */
import {
  type Clock,
  type Domain,
  isRefusal,
  PalisadeError,
  type Signer,
  signEnvelope,
} from '@palisade/core';
import { type Logger, pause } from '@palisade/daemon';
import { offer, UTILITY } from '@palisade/market/schema';
import type { PartnerTiming } from '../config.ts';
import type { PartnerMetrics } from '../metrics.ts';
import type { Environment, ValidatorEntry } from '../network.ts';
import { postMessage } from '../pool/call.ts';
import type { JobNotice } from '../pool/notices.ts';
import { settled, stopController } from '../pool/stopping.ts';
import { type HexId, hexOf } from '../records/agreement.ts';
import type { Room } from '../room.ts';
import { judgeJob, type Terms } from './judge-job.ts';
import type { OfferBook, OpenOffer } from './offer-book.ts';
import type { StandingLimits } from './standing-limits.ts';

/** Jobs remembered as declined, so that ten validators' notices cost one decision. */
const MAX_DECLINED = 10_000;
/** A validator may tell of a job a block before it is on chain: it then takes the offer a little later. */
const OFFER_ATTEMPTS = 5;

export type OffererOptions = {
  readonly env: Environment;
  readonly domain: Domain;
  readonly signer: Signer;
  readonly book: OfferBook;
  readonly room: Room;
  readonly terms: Terms;
  /** Why the chain would refuse the start of a job that may earn that much. */
  readonly limits: StandingLimits;
  /** The READY that goes along; undefined before the first. */
  readonly ready: () => Uint8Array | undefined;
  /** Whether there is an agreement about that job already. */
  readonly isTaken: (job: HexId) => boolean;
  /** Something was promised: less room is left to tell of. */
  readonly onPromise: () => void;
  readonly timing: PartnerTiming;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
};

export class Offerer {
  readonly #options: OffererOptions;
  readonly #declined = new Set<HexId>();
  /** One per stream of notices at most. */
  readonly #deciding = new Map<HexId, Promise<OpenOffer | undefined>>();
  readonly #stopping = stopController();
  /** Bounded by the offers that can be open, times the validators that tell of them. */
  readonly #sending = new Set<Promise<void>>();

  constructor(options: OffererOptions) {
    this.#options = options;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await settled(Promise.all(this.#sending));
  }

  /** Decides about a job, once, and offers to every validator that tells of it. */
  async consider({ job, request, validator }: JobNotice): Promise<void> {
    const { isTaken } = this.#options;
    const id = hexOf(job);
    if (this.#stopping.signal.aborted || isTaken(id) || this.#declined.has(id)) return;
    // The same offer for all who tell of the job, and for none before it is on disk.
    const deciding = this.#deciding.get(id) ?? this.#decide(job, request);
    const open = await deciding;
    if (!open) return;
    // One validator that is slow to answer must not keep the next notice waiting.
    const sending: Promise<void> = this.#send(open, validator).finally(() =>
      this.#sending.delete(sending),
    );
    this.#sending.add(sending);
  }

  #decide(job: Uint8Array, request: JobNotice['request']): Promise<OpenOffer | undefined> {
    const id = hexOf(job);
    const known = this.#options.book.get(job);
    if (known) return Promise.resolve(known);
    const deciding = this.#promise(job, request).finally(() => this.#deciding.delete(id));
    this.#deciding.set(id, deciding);
    return deciding;
  }

  async #promise(job: Uint8Array, request: JobNotice['request']): Promise<OpenOffer | undefined> {
    const { book, room, terms, limits, clock, timing, metrics, log, onPromise } = this.#options;
    const rate = judgeJob(request, terms);
    if (isRefusal(rate)) {
      this.#decline(job);
      metrics.count('partner_notices_total', { outcome: 'declined' });
      return undefined;
    }
    // Not remembered: what limits a partner today may not when the job is told of again.
    const barred = await limits(rate * BigInt(request.sessions));
    if (barred) {
      log.debug('the standing allows no offer', { job, why: barred.message });
      metrics.count('partner_notices_total', { outcome: 'barred' });
      return undefined;
    }
    const open: OpenOffer = {
      job,
      contentId: request.subject,
      // Traffic takes no room.
      size: request.utility === UTILITY.access ? 0n : request.size,
      rate,
      validUntilMs: BigInt(clock.nowMs() + timing.offerMs),
      matched: 0,
    };
    const full = room.fullReason() ?? (await book.make(open, room))?.message;
    metrics.count('partner_notices_total', { outcome: full ? 'no-room' : 'offered' });
    if (full) return undefined;
    onPromise();
    return open;
  }

  #decline(job: Uint8Array): void {
    if (this.#declined.size >= MAX_DECLINED)
      this.#declined.delete(this.#declined.values().next().value!);
    this.#declined.add(hexOf(job));
  }

  async #send(open: OpenOffer, { url }: ValidatorEntry): Promise<void> {
    const { env, domain, signer, ready, timing, log } = this.#options;
    const own = ready();
    if (!own) return;
    const { job, rate, validUntilMs } = open;
    const value = { job, rate, validUntilMs, ready: own };
    const envelope = await signEnvelope(offer, value, domain, signer);
    const { signal } = this.#stopping;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await postMessage(env, `${url}/v1/offers`, envelope, signal);
        log.debug('offered', { job, rate, validator: url });
        return;
      } catch (error) {
        const early = error instanceof PalisadeError && error.code === 'market/job-not-open';
        const again = early || (error instanceof PalisadeError && error.retry !== 'never');
        if (!again || attempt >= OFFER_ATTEMPTS) {
          if (!signal.aborted)
            log.debug('an offer was not taken', { job, validator: url, err: error });
          return;
        }
        await pause(timing.retryMs * attempt, signal);
      }
    }
  }
}
