/**
 * READY (P2V-1): tells every validator what this partner offers and where it is, at the start, at
 * every change (P2V-6, with a pause between changes), and again while it is still active; and that
 * it takes nothing more before it goes (P2V-7).
 */
import {
  type Catalogue,
  type Clock,
  catalogue,
  type Domain,
  digestOf,
  equalBytes,
  idOf,
  isRefusal,
  open,
  PalisadeError,
  type Signer,
  signEnvelope,
  type ValueOf,
  verifyOpened,
} from '@palisade/core';
import { type Logger, setAlarm } from '@palisade/daemon';
import { ready, readyAck, UTILITY } from '@palisade/market/schema';
import type { PartnerTiming } from '../config.ts';
import { fitText } from '../fit-text.ts';
import type { PartnerMetrics } from '../metrics.ts';
import type { Environment, ValidatorEntry } from '../network.ts';
import type { Sequence } from '../records/sequence.ts';
import { WorkQueue } from '../work-queue.ts';
import { badWord, type MessageAnswer, postMessage } from './call.ts';
import { stopController } from './pause.ts';

/** A READY outlives two that were lost (market chapter, P2V-1 Q2). */
const EXPIRY_INTERVALS = 3;
const JITTER = 0.1;
/** Validators told at once; a pool has ten seats and their stand-bys. */
const CALLS_AT_ONCE = 16;
/** The last word waits no longer than this for a validator. */
const SIGN_OFF_MS = 3000;
/** Room for `reason` in the message. */
const MAX_REASON = 120;

/** What there is to tell. `reason` says why nothing is taken; undefined while something is. */
export type Offer = {
  readonly price: bigint;
  /** Largest content that is taken, bytes. */
  readonly maxSize: number;
  readonly maxSessions: number;
  readonly freeBytes: number;
  /** Jobs that can still be taken. */
  readonly freeSlots: number;
  readonly direct: boolean;
  readonly reason: string | undefined;
};

export type AnnouncerOptions = {
  readonly env: Environment;
  readonly domain: Domain;
  readonly signer: Signer;
  /** Base URL at which clients reach this partner. */
  readonly url: string;
  readonly sequence: Sequence;
  readonly offer: () => Offer;
  readonly validators: () => readonly ValidatorEntry[];
  readonly timing: PartnerTiming;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
};

type Announced = { readonly envelope: Uint8Array; readonly id: Uint8Array; readonly offer: Offer };

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #calls: WorkQueue;
  readonly #known: Catalogue = catalogue([readyAck]);
  readonly #stopping = stopController();
  /** Validators that acknowledged the latest READY, by URL. */
  readonly #reached = new Set<string>();
  #announced: Announced | undefined;
  #callOff: () => void = () => {};
  #changedMs = Number.NEGATIVE_INFINITY;
  #busy: Promise<void> = Promise.resolve();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#calls = new WorkQueue({
      name: 'announcing',
      concurrency: CALLS_AT_ONCE,
      firstPauseMs: options.timing.retryMs,
      log: options.log,
      run: (url) => this.#tell(url),
    });
  }

  /** The latest READY, as it goes along with offers. */
  get envelope(): Uint8Array | undefined {
    return this.#announced?.envelope;
  }

  /** How many validators know the latest one. */
  get reached(): number {
    return this.#reached.size;
  }

  start(): Promise<void> {
    return this.#announce();
  }

  /** Something may have changed: tells it, unless the last change was told a moment ago. */
  changed(): void {
    const before = this.#announced?.offer;
    const now = this.#options.offer();
    const same = before?.freeBytes === now.freeBytes && before.reason === now.reason;
    if (same || !before || this.#stopping.signal.aborted) return;
    const { clock, timing, log } = this.#options;
    const left = this.#changedMs + timing.cooldownMs - clock.nowMs();
    // Full is told at once: whoever comes meanwhile would come for nothing.
    const waits = (before.reason === undefined) === (now.reason === undefined) || !now.reason;
    if (waits && left > 0) this.#schedule(left);
    else void this.#announce().catch((error) => log.error('could not announce', { err: error }));
  }

  /** SIGN_OFF (P2V-7): a last READY that takes nothing; then silence. */
  async signOff(reason: string): Promise<void> {
    this.#stopping.abort();
    this.#callOff();
    await this.#calls.stop();
    await this.#busy;
    if (!this.#announced) return;
    const last = await this.#sign({ ...this.#options.offer(), reason });
    const signal = AbortSignal.timeout(SIGN_OFF_MS);
    const { env, validators } = this.#options;
    const told = validators().map(({ url }) =>
      postMessage(env, `${url}/v1/partners`, last.envelope, signal),
    );
    await Promise.allSettled(told); // who did not hear it sees the last READY expire
  }

  #announce(): Promise<void> {
    const { clock, timing, offer, validators } = this.#options;
    const work = this.#busy.then(async () => {
      if (this.#stopping.signal.aborted) return;
      const next = offer();
      const before = this.#announced?.offer;
      if (before?.freeBytes !== next.freeBytes || before.reason !== next.reason)
        this.#changedMs = clock.nowMs();
      this.#announced = await this.#sign(next);
      this.#reached.clear();
      for (const { url } of validators()) this.#calls.add(url);
      this.#schedule(timing.stillActiveMs * (1 - JITTER + 2 * JITTER * Math.random()));
    });
    this.#busy = work.catch(() => {}); // the caller hears of it
    return work;
  }

  #schedule(afterMs: number): void {
    this.#callOff();
    if (this.#stopping.signal.aborted) return;
    const { clock } = this.#options;
    this.#callOff = setAlarm(clock, clock.nowMs() + afterMs, () => {
      void this.#announce().catch((error) => {
        this.#options.log.error('could not announce', { err: error });
        this.#schedule(this.#options.timing.stillActiveMs);
      });
    });
  }

  async #sign(offer: Offer): Promise<Announced> {
    const { domain, signer, sequence, url, timing, clock } = this.#options;
    const value: ValueOf<typeof ready> = {
      sequence: await sequence.next(),
      expiresMs: BigInt(clock.nowMs() + EXPIRY_INTERVALS * timing.stillActiveMs),
      url,
      utility: UTILITY.storage,
      price: offer.price,
      maxSize: BigInt(offer.maxSize),
      maxSessions: offer.maxSessions,
      freeBytes: BigInt(offer.freeBytes),
      freeSlots: offer.freeSlots,
      direct: offer.direct ? 1 : 0,
      accepting: offer.reason === undefined ? 1 : 0,
      reason: fitText(offer.reason ?? '', MAX_REASON),
    };
    const envelope = await signEnvelope(ready, value, domain, signer);
    return { envelope, id: idOf(digestOf(ready, value, domain), signer.id), offer };
  }

  async #tell(url: string): Promise<void> {
    const { env, validators, metrics, sequence } = this.#options;
    const validator = validators().find((each) => each.url === url);
    const said = this.#announced;
    if (!validator || !said) return;
    const { signal } = this.#stopping;
    try {
      const answer = await postMessage(env, `${url}/v1/partners`, said.envelope, signal);
      this.#checkAcknowledgement(answer, validator, said.id);
      if (this.#announced === said) this.#reached.add(url);
      metrics.count('partner_announcements_total', { outcome: 'acknowledged' });
    } catch (error) {
      if (signal.aborted) return;
      metrics.count('partner_announcements_total', { outcome: 'failed' });
      if (!(error instanceof PalisadeError) || error.code !== 'market/old-ready') throw error;
      // Our own sequence was lost once, or a newer READY overtook this one.
      if (this.#announced !== said) return this.#calls.add(url);
      sequence.passOver(BigInt(String(error.data.sequence ?? '0')));
      await this.#announce();
    }
  }

  #checkAcknowledgement(
    { acknowledgement: envelope }: MessageAnswer,
    { nodeKey, url }: ValidatorEntry,
    id: Uint8Array,
  ): void {
    if (!envelope) throw badWord(url, 'it acknowledged nothing.');
    const opened = open(envelope, this.#known, this.#options.domain);
    const bad = isRefusal(opened) ? opened : verifyOpened(opened);
    if (bad || isRefusal(opened)) throw badWord(url, `its word is void. ${bad?.message}`);
    const { ready: heard } = opened.value as ValueOf<typeof readyAck>;
    if (!equalBytes(opened.sender, nodeKey) || !equalBytes(heard, id))
      throw badWord(url, 'it acknowledged something else.');
  }
}
