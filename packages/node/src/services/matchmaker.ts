/** Where client and partner are brought together (C2V-4, C2V-5, P2V-4). */
import { equalBytes, isRefusal, type Refusal, refuse, toHex } from '@palisade/core';
import {
  accept,
  clientConnectReport,
  jobs,
  match,
  misfitOf,
  partnerConnectReport,
  ROLE,
  rateAsked,
  standingViewOf,
  whyBarred,
} from '@palisade/market';
import { type PartnerEntry, wantsPartners } from './partner-board.ts';
import { openFromPartner, openMessage, type Pool } from './pool.ts';
import type { Validator } from './validator.ts';

/** What a client wants of offers. */
export type OfferWish = {
  /** Most per session, base units. */
  readonly maxRate: bigint | undefined;
  /** Longest way from this validator to the partner, ms; partners that were never timed are let through. */
  readonly maxRttMs: bigint | undefined;
  /** Least score, 0 to 1000. */
  readonly minScore: bigint | undefined;
};

/** An offer as a client gets it: the partner in its own words, and what the pool has seen of it. */
export type OfferRecord = {
  readonly partner: Uint8Array;
  /** Base units per session. */
  readonly rate: bigint;
  /** The partner's newest signed READY: endpoint, price, capacity. */
  readonly ready: Uint8Array;
  /** The signed offer; undefined for a direct partner, whose READY offers to all. */
  readonly offer?: Uint8Array;
  /** What the board says of the partner; nothing where its READY has run out since. */
  readonly freeBytes?: bigint;
  readonly freeSlots?: number;
  readonly lastSeenMs?: number;
  readonly rttMs?: number;
};

export class Matchmaker {
  private readonly pool: Pool;
  private readonly self: Validator;

  constructor(pool: Pool, self: Validator) {
    this.pool = pool;
    this.self = self;
  }

  /** Offers for a job that are what the client wishes: direct partners at once, others as they come. */
  offers(job: Uint8Array, wish: OfferWish, listener: (offer: OfferRecord) => void): () => void {
    const { board, nowMs } = this.pool;
    const pass = (offer: OfferRecord) => {
      if (wish.maxRate !== undefined && offer.rate > wish.maxRate) return;
      if (wish.maxRttMs !== undefined && (offer.rttMs ?? 0) > wish.maxRttMs) return;
      if (wish.minScore !== undefined && this.scoreOf(offer.partner) < wish.minScore) return;
      listener(offer);
    };
    const record = jobs.get(this.pool.application.committed, job);
    if (record && wantsPartners(this.pool.application.committed, job))
      for (const { nodeKey } of board.fitting(record, nowMs())) {
        const entry = board.find(nodeKey, nowMs());
        const rate = entry && this.directRate(entry, job);
        if (entry && rate !== undefined) pass(recordOf(entry, rate));
      }
    return board.offers.watch(job, ({ partner, rate, validUntilMs, envelope, ready }) => {
      if (validUntilMs <= BigInt(nowMs())) return;
      const entry = board.find(partner, nowMs());
      const words = { partner, rate, offer: envelope };
      pass({ ready, ...(entry && recordOf(entry, rate)), ...words });
    });
  }

  private scoreOf(partner: Uint8Array): number {
    return standingViewOf(this.pool.application.committed, ROLE.partner, partner).score;
  }

  /** What a direct partner takes for a job, by its READY alone (C2V-4.2). */
  private directRate(entry: PartnerEntry, job: Uint8Array): bigint | undefined {
    const record = jobs.get(this.pool.application.committed, job);
    const { value } = entry;
    if (!record || value.direct !== 1 || value.accepting !== 1) return undefined;
    const rate = rateAsked(record, value);
    if (rate === undefined || misfitOf(record, value)) return undefined;
    const load = { agreements: 1, value: rate * BigInt(record.sessions) };
    return whyBarred(this.pool.application.committed, entry.nodeKey, load) ? undefined : rate;
  }

  /** MATCH (P2V-4): the client takes up an offer; both sides get the same word. */
  async match(bytes: Uint8Array): Promise<{ readonly match: Uint8Array } | Refusal> {
    const elsewhere = this.self.redirect();
    if (elsewhere) return elsewhere;
    const { application, board, meetings, nowMs } = this.pool;
    const opened = openMessage(bytes, accept, application.domain);
    if (isRefusal(opened)) return opened;
    const { job, partner, rate } = opened.value;
    const record = jobs.get(application.committed, job);
    if (!record || !equalBytes(record.client, opened.sender))
      return refuse('market/not-the-client', `Job ${toHex(job)} is not one of yours.`);
    const offered = board.offers.find(job, partner);
    const entry = board.find(partner, nowMs());
    const ready = entry?.envelope ?? offered?.ready;
    const isOffered = offered?.rate === rate || (entry && this.directRate(entry, job) === rate);
    if (!isOffered || !ready)
      return refuse('market/no-such-offer', 'This partner has made no such offer for the job.', {
        retry: 'later',
        next: 'Read the offers again.',
      });
    const words = { job, client: opened.sender, partner, rate, ready };
    meetings.begin(words, this.self.name);
    await this.pool.tellMatch(words);
    return { match: await this.self.sign(match, words) };
  }

  /** CONNECT_REPORT (P2V-4.G1) of either side of a match. */
  report(bytes: Uint8Array): Refusal | undefined {
    const { application, board, meetings, nowMs } = this.pool;
    const byClient = openMessage(bytes, clientConnectReport, application.domain);
    if (!isRefusal(byClient)) {
      const { job, partner, ok, sequence } = byClient.value;
      const words = meetings.find(job, partner);
      if (!words || !equalBytes(words.client, byClient.sender)) return noSuchMatch();
      meetings.report(job, partner, 'client', { ok: ok === 1, sequence });
      return undefined;
    }
    if (byClient.code !== 'market/other-message') return byClient;
    const byPartner = openFromPartner(bytes, partnerConnectReport, application);
    if (isRefusal(byPartner)) return byPartner;
    const { job, client, ok, sequence } = byPartner.value;
    const words = meetings.find(job, byPartner.sender);
    if (!words || !equalBytes(words.client, client)) return noSuchMatch();
    board.touch(byPartner.sender, nowMs());
    meetings.report(job, byPartner.sender, 'partner', { ok: ok === 1, sequence });
    return undefined;
  }
}

function recordOf({ nodeKey, envelope, value, lastSeenMs, rttMs }: PartnerEntry, rate: bigint) {
  const { freeBytes, freeSlots } = value;
  const seen = { freeBytes, freeSlots, lastSeenMs };
  const timed = rttMs === undefined ? {} : { rttMs: Math.round(rttMs) };
  return { partner: nodeKey, rate, ready: envelope, ...seen, ...timed };
}

function noSuchMatch(): Refusal {
  return refuse('market/no-such-match', 'No validator here has made such a match lately.');
}
