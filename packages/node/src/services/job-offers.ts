/** Offers of partners for jobs (P2V-3), and who waits for them (C2V-5). */
import { type Refusal, refuse, toBinaryString } from '@palisade/core';

/** Offers kept per job: what a client may ask for (C2V-5). */
const MAX_OFFERS = 32;
/** Jobs whose offers are kept at most; the oldest go first, their clients ask again. */
const MAX_JOBS = 10_000;

export type KeptOffer = {
  readonly partner: Uint8Array;
  /** Base units per session. */
  readonly rate: bigint;
  readonly validUntilMs: bigint;
  /** The signed offer. */
  readonly envelope: Uint8Array;
  /** The partner's READY as it came with the offer. */
  readonly ready: Uint8Array;
};
type JobEntry = {
  readonly offers: Map<string, KeptOffer>;
  readonly listeners: Set<(offer: KeptOffer) => void>;
};

export class JobOffers {
  private readonly jobs = new Map<string, JobEntry>();

  /** Records an offer, the latest of each partner, and passes it to whoever waits for it. */
  add(job: Uint8Array, offer: KeptOffer): Refusal | undefined {
    const entry = this.entryOf(job);
    const key = toBinaryString(offer.partner);
    if (!entry.offers.has(key) && entry.offers.size >= MAX_OFFERS)
      return refuse('market/enough-offers', `This job has ${MAX_OFFERS} offers already.`);
    entry.offers.set(key, offer);
    for (const listener of entry.listeners) listener(offer);
    return undefined;
  }

  /** The offer that a partner made for a job. */
  find(job: Uint8Array, partner: Uint8Array): KeptOffer | undefined {
    return this.jobs.get(toBinaryString(job))?.offers.get(toBinaryString(partner));
  }

  /** Offers at hand, and then each new one; answers how to end it. */
  watch(job: Uint8Array, listener: (offer: KeptOffer) => void): () => void {
    const entry = this.entryOf(job);
    for (const offer of entry.offers.values()) listener(offer);
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
