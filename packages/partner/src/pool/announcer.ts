/**
 * READY (P2V-1): tells every working validator what this partner offers and where it is, at the
 * start, at every change (P2V-6, with a cool-down between changes), and again while it is still
 * active; and that it signs off before it goes (P2V-7).
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
import { type Logger, pause, setAlarm } from '@palisade/daemon';
import {
  type Capacity,
  type CapacityTimes,
  capacityChange,
  MAX_REASON,
  NEVER_CHANGED,
  noteChange,
  ready,
  readyAck,
  signOff,
  waitForChange,
} from '@palisade/market/schema';
import type { PartnerTiming } from '../config.ts';
import { fitText } from '../fit-text.ts';
import type { PartnerMetrics } from '../metrics.ts';
import type { Environment, ValidatorEntry } from '../network.ts';
import type { Sequence } from '../records/sequence.ts';
import { WorkQueue } from '../work-queue.ts';
import { badWord, type MessageAnswer, postMessage } from './call.ts';
import { stopController } from './stopping.ts';

/** Part of the interval by which READYs are spread, so that a pool's partners do not come at once. */
const JITTER = 0.1;
/** Validators told at once; a pool has ten seats and their stand-bys. */
const CALLS_AT_ONCE = 16;
/** Longest silence that a validator can ask for, s. */
const MAX_SILENCE_S = 600;
/** Words about READYs that are kept of each validator: those of the last cool-downs. */
const MAX_HEARD = 4;
/** The last word waits no longer than this for a validator. */
const SIGN_OFF_MS = 3000;

/** What there is to tell. `reason` says why nothing is taken; undefined while something is. */
export type Offer = {
  readonly utility: number;
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

type Announced = {
  readonly envelope: Uint8Array;
  readonly id: Uint8Array;
  readonly offer: Offer;
  readonly value: ValueOf<typeof ready>;
};

/** A READY, and a validator's signed word that it heard it. */
export type Heard = {
  readonly ready: Uint8Array;
  readonly value: ValueOf<typeof ready>;
  readonly acknowledgement: Uint8Array;
  /** Of the chain when it was heard. */
  readonly height: bigint;
};

function capacityOf({ freeBytes, freeSlots, reason }: Offer): Capacity {
  return { accepting: reason === undefined ? 1 : 0, freeSlots, freeBytes: BigInt(freeBytes) };
}

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #calls: WorkQueue;
  readonly #known: Catalogue = catalogue([readyAck]);
  readonly #stopping = stopController();
  /** Validators that acknowledged the latest READY, by URL. */
  readonly #reached = new Set<string>();
  /** Their last words about READYs, the newest first, by URL: what a complaint about silence begins with. */
  readonly #heard = new Map<string, readonly Heard[]>();
  #announced: Announced | undefined;
  #holdsUntilMs = 0;
  /** When it is said again, ms since 1970. */
  #dueMs = 0;
  #callOff: () => void = () => {};
  #capacity: CapacityTimes = NEVER_CHANGED;
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

  /** What it has room for now. */
  get capacity(): Capacity {
    return capacityOf(this.#options.offer());
  }

  /**
   * What a validator had last acknowledged before a block was made, of this process's life only, as
   * READYs are.
   */
  heardBefore(url: string, height: bigint): Heard | undefined {
    return this.#heard.get(url)?.find((heard) => heard.height < height);
  }

  /** Whether some validator has a READY of this partner that still holds. */
  get isKnown(): boolean {
    return this.#holdsUntilMs > this.#options.clock.nowMs();
  }

  /** How many validators know the latest one. */
  get reached(): number {
    return this.#reached.size;
  }

  start(): Promise<void> {
    return this.#announce();
  }

  /** Something may have changed: tells it when the cool-down allows (P2V-6). */
  changed(): void {
    const before = this.#announced?.offer;
    if (!before || this.#stopping.signal.aborted) return;
    const { offer, log } = this.#options;
    const now = offer();
    if (capacityChange(capacityOf(before), capacityOf(now)) === 'none') return;
    const leftMs = this.#waitFor(before, now);
    // Not later than it is due to be said again.
    const dueMs = this.#dueMs - this.#options.clock.nowMs();
    if (leftMs > 0) this.#schedule(Math.min(leftMs, dueMs));
    else void this.#announce().catch((error) => log.error('could not announce', { err: error }));
  }

  #waitFor(before: Offer, next: Offer): number {
    const { clock, timing } = this.#options;
    const change = capacityChange(capacityOf(before), capacityOf(next));
    return waitForChange(change, this.#capacity, clock.nowMs(), timing.cooldownMs);
  }

  /** SIGN_OFF (P2V-7): no more jobs; then silence. What runs goes on. */
  async signOff(reason: string): Promise<void> {
    this.#stopping.abort();
    this.#callOff();
    await this.#calls.stop();
    await this.#busy;
    if (!this.#announced) return;
    const { env, validators, sequence, domain, signer, clock } = this.#options;
    const last = {
      sequence: await sequence.next(),
      atMs: BigInt(clock.nowMs()),
      reason: fitText(reason, MAX_REASON),
    };
    const envelope = await signEnvelope(signOff, last, domain, signer);
    const signal = AbortSignal.timeout(SIGN_OFF_MS);
    const told = validators().map(({ url }) =>
      postMessage(env, `${url}/v1/partners/sign-off`, envelope, signal),
    );
    await Promise.allSettled(told); // who did not hear it sees the last READY expire
  }

  #announce(): Promise<void> {
    const { clock, timing, offer, validators } = this.#options;
    const work = this.#busy.then(async () => {
      if (this.#stopping.signal.aborted) return;
      const before = this.#announced?.offer ?? offer();
      const wished = offer();
      const leftMs = this.#waitFor(before, wished);
      // Within the cool-down the last capacity is said again.
      const next = leftMs > 0 ? before : wished;
      const change = capacityChange(capacityOf(before), capacityOf(next));
      this.#capacity = noteChange(change, this.#capacity, clock.nowMs());
      this.#announced = await this.#sign(next);
      this.#reached.clear();
      for (const { url } of validators()) this.#calls.add(url);
      const again = timing.stillActiveMs * (1 - JITTER + 2 * JITTER * Math.random());
      this.#schedule(leftMs > 0 ? Math.min(leftMs, again) : again);
    });
    this.#busy = work.catch(() => {}); // the caller hears of it
    return work;
  }

  #schedule(afterMs: number): void {
    this.#callOff();
    if (this.#stopping.signal.aborted) return;
    const { clock } = this.#options;
    this.#dueMs = clock.nowMs() + afterMs;
    this.#callOff = setAlarm(clock, this.#dueMs, () => {
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
      atMs: BigInt(clock.nowMs()),
      expiresMs: BigInt(clock.nowMs() + timing.recordMs),
      url,
      utility: offer.utility,
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
    const id = idOf(digestOf(ready, value, domain), signer.id);
    return { envelope, id, offer, value };
  }

  async #tell(url: string): Promise<void> {
    const { env, validators, metrics, sequence } = this.#options;
    const validator = validators().find((each) => each.url === url);
    const said = this.#announced;
    if (!validator || !said) return;
    const { signal } = this.#stopping;
    try {
      const answer = await postMessage(env, `${url}/v1/partners`, said.envelope, signal);
      const heard = this.#checkAcknowledgement(answer, validator, said);
      if (this.#announced === said) this.#reached.add(url);
      this.#holdsUntilMs = Math.max(this.#holdsUntilMs, Number(said.value.expiresMs));
      this.#hear(url, heard);
      metrics.count('partner_announcements_total', { outcome: 'acknowledged' });
    } catch (error) {
      if (signal.aborted) return;
      metrics.count('partner_announcements_total', { outcome: 'failed' });
      if (!(error instanceof PalisadeError)) throw error;
      // SHUT_UP: it says for how long.
      if (error.code === 'market/shut-up') {
        await pause(silenceOf(error), signal);
        return this.#calls.add(url);
      }
      if (error.code !== 'market/old-ready') throw error;
      // Our own sequence was lost once, or a newer READY overtook this one.
      if (this.#announced !== said) return this.#calls.add(url);
      sequence.passOver(BigInt(String(error.data.sequence ?? '0')));
      await this.#announce();
    }
  }

  #hear(url: string, heard: Heard): void {
    const { validators } = this.#options;
    this.#heard.set(url, [heard, ...(this.#heard.get(url) ?? [])].slice(0, MAX_HEARD));
    // As many as there are validators: 64.
    for (const known of this.#heard.keys())
      if (!validators().some((each) => each.url === known)) this.#heard.delete(known);
  }

  #checkAcknowledgement(
    { acknowledgement }: MessageAnswer,
    { nodeKey, url }: ValidatorEntry,
    { id, envelope: ready, value }: Announced,
  ): Heard {
    if (!acknowledgement) throw badWord(url, 'it acknowledged nothing.');
    const opened = open(acknowledgement, this.#known, this.#options.domain);
    const bad = isRefusal(opened) ? opened : verifyOpened(opened);
    if (bad || isRefusal(opened)) throw badWord(url, `its word is void. ${bad?.message}`);
    const { ready: heard, height } = opened.value as ValueOf<typeof readyAck>;
    if (!equalBytes(opened.sender, nodeKey) || !equalBytes(heard, id))
      throw badWord(url, 'it acknowledged something else.');
    return { ready, value, acknowledgement, height };
  }
}

/** How long a validator wants to hear nothing, ms: what it says, within reason. */
function silenceOf({ data }: PalisadeError): number {
  const seconds = Number(data.seconds);
  return seconds > 0 && seconds <= MAX_SILENCE_S ? seconds * 1000 : 1000;
}
