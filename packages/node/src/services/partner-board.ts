/**
 * The validators' board of partners: who is ready, which jobs want partners, who has offered. It is
 * in memory only: partners say that they are still active every few minutes, and jobs are on chain.
 * Hosted validators share one board; that stands for the gossip between them.
 */

import {
  compareBytes,
  type KeyValueReader,
  type Opened,
  type Refusal,
  refuse,
  toBinaryString,
  type ValueOf,
} from '@palisade/core';
import {
  type CapacityTimes,
  capacityChange,
  isOpen,
  jobs,
  NEVER_CHANGED,
  NOTICE_MS,
  noteChange,
  type ready,
  type signOff,
  type Wanted,
  waitForChange,
} from '@palisade/market';
import { JobOffers } from './job-offers.ts';
import { ReadyIndex } from './ready-index.ts';
import type { PoolTiming } from './timing.ts';

/** Partners on the board at most: 10 000 with a record of 1 KiB each (market chapter, P2V-1). */
const MAX_PARTNERS = 10_000;
/** Partners that were not heard are looked for at most this often, ms: it costs a walk over all. */
const SWEEP_MS = 1000;
/** Weight of a new measurement in the average: about the last eight count. */
const RTT_STEP = 1 / 8;
/** A READY is valid for at most so long, ms: six times the usual ten minutes. */
const MAX_READY_MS = 3_600_000;
/** A partner's words may be late on the way: this part of the cool-down is asked of it. */
const COOLDOWN_SHARE = 0.5;

export type Ready = ValueOf<typeof ready>;
export type PartnerEntry = {
  readonly nodeKey: Uint8Array;
  readonly value: Ready;
  readonly envelope: Uint8Array;
  /** When anything was heard of it last, ms since 1970. */
  readonly lastSeenMs: number;
  /** From a notice to its acknowledgement, ms, averaged; undefined before the first. */
  readonly rttMs: number | undefined;
};
type Said = Pick<PartnerEntry, 'nodeKey' | 'value' | 'envelope'> & { readonly by: Known };
type Known = {
  ready: Said | undefined;
  /** Its last word by which it took no work: what a later complaint may forget. */
  declined: Uint8Array | undefined;
  /** Nothing below counts any more. */
  sequence: bigint;
  capacity: CapacityTimes;
  lastSeenMs: number;
  rttMs: number | undefined;
};

export class PartnerBoard {
  /** Offers for jobs. */
  readonly offers = new JobOffers();
  private readonly partners = new Map<string, Known>();
  /** The READYs of those that take work. */
  private readonly taking = new ReadyIndex<Said>();
  private readonly timing: PoolTiming;
  private sweptMs = 0;

  constructor(timing: PoolTiming) {
    this.timing = timing;
  }

  /** Puts a verified READY on the board; an older sequence is refused. */
  announce(opened: Opened<Ready>, envelope: Uint8Array, nowMs: number): Refusal | undefined {
    const { value, sender } = opened;
    const known = this.known(sender, nowMs);
    if (known && value.sequence < known.sequence) return oldReady(value.sequence, known.sequence);
    if (value.expiresMs <= BigInt(nowMs))
      return refuse('market/ready-expired', 'This READY is not valid any more: check your clock.');
    if (value.atMs > BigInt(nowMs + NOTICE_MS)) return fromTheFuture();
    if (value.expiresMs > BigInt(nowMs + MAX_READY_MS))
      return refuse(
        'market/ready-too-long',
        `A READY is valid for ${MAX_READY_MS / 60_000} minutes at most: addresses move.`,
      );
    this.sweep(nowMs);
    if (!known && this.partners.size >= MAX_PARTNERS)
      return refuse('market/board-full', `There are ${MAX_PARTNERS} partners already.`, {
        retry: 'later',
      });
    const change = known?.ready ? capacityChange(known.ready.value, value) : 'none';
    const key = toBinaryString(sender);
    const partner: Known = {
      ready: undefined,
      declined: value.accepting === 1 ? known?.declined : envelope,
      sequence: value.sequence,
      capacity: noteChange(change, known?.capacity ?? NEVER_CHANGED, nowMs),
      lastSeenMs: nowMs,
      rttMs: known?.rttMs,
    };
    this.forgetReady(key);
    partner.ready = { nodeKey: sender, value, envelope, by: partner };
    if (value.accepting === 1) this.taking.add(partner.ready);
    this.partners.set(key, partner);
    return undefined;
  }

  /** Whether a READY changes the partner's capacity sooner than the cool-down allows (P2V-6). */
  isHasty({ sender, value }: Opened<Ready>, nowMs: number): boolean {
    const known = this.known(sender, nowMs);
    if (!known?.ready || value.sequence <= known.sequence) return false;
    const change = capacityChange(known.ready.value, value);
    const cooldownMs = this.timing.cooldownMs * COOLDOWN_SHARE;
    return waitForChange(change, known.capacity, nowMs, cooldownMs) > 0;
  }

  /** SIGN_OFF (P2V-7): no READY up to this sequence counts any more. */
  signOff(
    partner: Uint8Array,
    { sequence, atMs }: ValueOf<typeof signOff>,
    envelope: Uint8Array,
    nowMs: number,
  ): Refusal | undefined {
    if (atMs > BigInt(nowMs + NOTICE_MS)) return fromTheFuture();
    const known = this.known(partner, nowMs);
    if (!known) return undefined;
    if (sequence < known.sequence) return oldReady(sequence, known.sequence);
    const lastSeenMs = Math.max(nowMs, Number(known.ready?.value.expiresMs ?? 0n));
    this.forgetReady(toBinaryString(partner));
    // Kept without a READY for as long as an old one could be brought again.
    Object.assign(known, {
      ready: undefined,
      declined: envelope,
      sequence: sequence + 1n,
      lastSeenMs,
    });
    return undefined;
  }

  /** Any traffic says that a partner is still active. */
  touch(partner: Uint8Array, nowMs: number): void {
    const known = this.partners.get(toBinaryString(partner));
    if (known) known.lastSeenMs = nowMs;
  }

  /** Whether the last word of a partner is that it goes. */
  hasSignedOff(partner: Uint8Array): boolean {
    const known = this.partners.get(toBinaryString(partner));
    return known !== undefined && known.ready === undefined;
  }

  /** What a partner said last, and what it said when it last took no work. */
  wordsOf(partner: Uint8Array): readonly Uint8Array[] {
    const { ready, declined } = this.partners.get(toBinaryString(partner)) ?? {};
    return [declined, ready?.envelope].filter((word) => word !== undefined);
  }

  noteRtt(partner: Uint8Array, ms: number): void {
    const known = this.partners.get(toBinaryString(partner));
    if (!known) return;
    const before = known.rttMs ?? ms;
    known.rttMs = before + RTT_STEP * (ms - before);
  }

  /** Partners whose word holds now, by key. */
  list(nowMs: number): PartnerEntry[] {
    return this.entries(nowMs).sort((a, b) => compareBytes(a.nodeKey, b.nodeKey));
  }

  /** How many these are. */
  count(nowMs: number): number {
    return this.entries(nowMs).length;
  }

  /** Those of them that take work now and whom a job fits, the cheapest first. */
  fitting(job: Wanted, nowMs: number): readonly Pick<PartnerEntry, 'nodeKey' | 'value'>[] {
    return this.taking.fitting(job).filter((ready) => this.holds(ready, nowMs));
  }

  find(nodeKey: Uint8Array, nowMs: number): PartnerEntry | undefined {
    const known = this.partners.get(toBinaryString(nodeKey));
    return known && this.entryOf(known, nowMs);
  }

  private entries(nowMs: number): PartnerEntry[] {
    return [...this.partners.values()].flatMap((known) => this.entryOf(known, nowMs) ?? []);
  }

  private entryOf({ ready, lastSeenMs, rttMs }: Known, nowMs: number): PartnerEntry | undefined {
    if (!ready || !this.holds(ready, nowMs)) return undefined;
    const { nodeKey, value, envelope } = ready;
    return { nodeKey, value, envelope, lastSeenMs, rttMs };
  }

  private holds({ value, by }: Said, nowMs: number): boolean {
    return !this.isGone(by, nowMs) && value.expiresMs > nowMs;
  }

  private forgetReady(key: string): void {
    const ready = this.partners.get(key)?.ready;
    if (ready) this.taking.remove(ready);
  }

  private known(partner: Uint8Array, nowMs: number): Known | undefined {
    const known = this.partners.get(toBinaryString(partner));
    return known && !this.isGone(known, nowMs) ? known : undefined;
  }

  private isGone({ lastSeenMs }: Known, nowMs: number): boolean {
    return nowMs - lastSeenMs > this.timing.stillActiveMs;
  }

  private sweep(nowMs: number): void {
    if (nowMs - this.sweptMs < SWEEP_MS) return;
    this.sweptMs = nowMs;
    for (const [key, known] of this.partners) {
      if (!this.isGone(known, nowMs)) continue;
      this.forgetReady(key);
      this.partners.delete(key);
    }
  }
}

/** A word that is dated later than it was said would not count when it is needed (spec/duties.md). */
function fromTheFuture(): Refusal {
  return refuse('market/from-the-future', 'This was signed later than now: check your clock.', {
    next: 'Set your clock and sign again.',
  });
}

function oldReady(given: bigint, known: bigint): Refusal {
  return refuse('market/old-ready', `Sequence ${given} is older than ${known}.`, {
    data: { sequence: known },
    next: 'Send a READY with a higher sequence.',
  });
}

/** Whether a job still wants partners. */
export function wantsPartners(state: KeyValueReader, job: Uint8Array): boolean {
  const record = jobs.get(state, job);
  if (!record || record.active >= record.partners) return false;
  return isOpen(record);
}
