/**
 * The validators' board of partners: who is ready, which jobs want partners, who has offered. It is
 * in memory only: partners say that they are still active every few seconds, and jobs are on chain.
 * Hosted validators share one board; that stands for the gossip between them.
 */

import {
  fromBinaryString,
  type KeyValueReader,
  type Opened,
  type Refusal,
  refuse,
  toBinaryString,
  toHex,
  type ValueOf,
} from '@palisade/core';
import { isOpen, jobs, type ready } from '@palisade/market';

/** Partners on the board at most: 10 000 with a record of 1 KiB each (market chapter, P2V-1). */
const MAX_PARTNERS = 10_000;
/** Offers kept per job: what a client may ask for (C2V-5). */
const MAX_OFFERS = 32;
/** Jobs whose offers are kept at most; the oldest go first, their clients ask again. */
const MAX_JOBS = 10_000;

export type Ready = ValueOf<typeof ready>;
export type PartnerEntry = {
  readonly nodeKey: Uint8Array;
  readonly value: Ready;
  readonly envelope: Uint8Array;
  readonly lastSeenMs: number;
};
/** Hears of an offer (an envelope) and whose it is (a node key). */
export type OfferListener = (offer: Uint8Array, partner: Uint8Array) => void;
type JobEntry = {
  readonly offers: Map<string, Uint8Array>;
  readonly listeners: Set<OfferListener>;
};

export class PartnerBoard {
  private readonly partners = new Map<string, PartnerEntry>();
  private readonly jobs = new Map<string, JobEntry>();

  /** Puts a verified READY on the board; an older sequence is refused. */
  announce(opened: Opened<Ready>, envelope: Uint8Array, nowMs: number): Refusal | undefined {
    const key = toBinaryString(opened.sender);
    const known = this.partners.get(key);
    if (known && opened.value.sequence < known.value.sequence)
      return refuse(
        'market/old-ready',
        `Sequence ${opened.value.sequence} is older than ${known.value.sequence}.`,
        {
          data: { sequence: known.value.sequence },
          next: 'Send a READY with a higher sequence.',
        },
      );
    if (opened.value.expiresMs <= BigInt(nowMs))
      return refuse('market/ready-expired', 'This READY is not valid any more: check your clock.');
    this.forgetExpired(nowMs);
    if (!known && this.partners.size >= MAX_PARTNERS)
      return refuse('market/board-full', `There are ${MAX_PARTNERS} partners already.`, {
        retry: 'later',
      });
    this.partners.set(key, {
      nodeKey: opened.sender,
      value: opened.value,
      envelope,
      lastSeenMs: nowMs,
    });
    return undefined;
  }

  private forgetExpired(nowMs: number): void {
    for (const [key, { value }] of this.partners)
      if (value.expiresMs <= BigInt(nowMs)) this.partners.delete(key);
  }

  /** Partners whose word holds now, by key. */
  list(nowMs: number): PartnerEntry[] {
    this.forgetExpired(nowMs);
    return [...this.partners.values()].sort((a, b) =>
      toHex(a.nodeKey) < toHex(b.nodeKey) ? -1 : 1,
    );
  }

  find(nodeKey: Uint8Array, nowMs: number): PartnerEntry | undefined {
    this.forgetExpired(nowMs);
    return this.partners.get(toBinaryString(nodeKey));
  }

  /** Records an offer, once per partner, and passes it to whoever waits for it. */
  offer(job: Uint8Array, partner: Uint8Array, envelope: Uint8Array): Refusal | undefined {
    const entry = this.entryOf(job);
    const key = toBinaryString(partner);
    if (!entry.offers.has(key) && entry.offers.size >= MAX_OFFERS)
      return refuse('market/enough-offers', `This job has ${MAX_OFFERS} offers already.`);
    entry.offers.set(key, envelope);
    for (const listener of entry.listeners) listener(envelope, partner);
    return undefined;
  }

  /** The offer that a partner made for a job. */
  offerOf(job: Uint8Array, partner: Uint8Array): Uint8Array | undefined {
    return this.jobs.get(toBinaryString(job))?.offers.get(toBinaryString(partner));
  }

  /** Offers at hand, and then each new one; answers how to end it. */
  watchOffers(job: Uint8Array, listener: OfferListener): () => void {
    const entry = this.entryOf(job);
    for (const [partner, offer] of entry.offers) listener(offer, fromBinaryString(partner));
    entry.listeners.add(listener);
    return () => entry.listeners.delete(listener);
  }

  private entryOf(job: Uint8Array): JobEntry {
    const key = toBinaryString(job);
    const known = this.jobs.get(key);
    if (known) return known;
    const oldest = this.jobs.keys().next().value;
    if (this.jobs.size >= MAX_JOBS && oldest !== undefined) this.jobs.delete(oldest);
    const entry: JobEntry = { offers: new Map(), listeners: new Set() };
    this.jobs.set(key, entry);
    return entry;
  }
}

/** Whether a job still wants partners. */
export function wantsPartners(state: KeyValueReader, job: Uint8Array): boolean {
  const record = jobs.get(state, job);
  if (!record || record.active >= record.partners) return false;
  return isOpen(record);
}
