/** Offers of partners, as validators pass them on (C2V-5), and the match with one of them (P2V-4). */
import { equalBytes, PalisadeError, signEnvelope, toHex } from '@palisade/core';
import { accept, isOpen, match, offer, rateFor } from '@palisade/market/schema';
import { type MessageOf, openMessage, type Said, standingReader } from '../base/answers.ts';
import { follow } from '../base/environment.ts';
import { clientError } from '../base/errors.ts';
import { badAnswer } from '../base/http.ts';
import { openReady, type PartnerRecord, scoresAtLeast } from '../base/partners.ts';
import { serverEvents } from '../base/server-events.ts';
import { count, envelopeBytes, object, optional, whole } from '../base/shapes.ts';
import type { JobContext } from './context.ts';
import type { ChosenPartner } from './put-state.ts';

export type Offer = ChosenPartner & {
  readonly record: PartnerRecord;
  /** A centralised partner, which is taken at the price of its READY (C2V-4.2). */
  readonly direct: boolean;
  /** Key of the validator that passed it on: it knows the offer when it is accepted. */
  readonly via: string;
};

/** A partner that was told of its client. */
export type Matched = ChosenPartner & {
  /** Of the READY with the endpoint. */
  readonly sequence: bigint;
  /** Key of the validator that made the match. */
  readonly via: string;
};

export type OfferWish = {
  readonly job: Uint8Array;
  /** Bytes of its content. */
  readonly size: bigint;
  /** Longest way from the validator to a partner that was timed, ms. */
  readonly maxRttMs?: number | undefined;
  /** Offers above it are passed over, base units per session. */
  readonly maxRate: bigint;
  /** Offers of partners that score less are passed over, 0 to 1000. */
  readonly minScore: number;
  /** Whether a partner will do, by its own record; every one does unless told. */
  readonly suits?: ((record: PartnerRecord) => boolean) | undefined;
  /** How many are asked for at once, 1 to 32. */
  readonly limit: number;
  /** How long to wait for offers in all, ms; the end of the job ends it sooner. */
  readonly patienceMs: number;
  /** Partners that are not wanted: they have the job already, or failed. Grows with every offer. */
  readonly seen: Set<string>;
  readonly signal?: AbortSignal | undefined;
};

const offerEvent = object({
  ready: envelopeBytes,
  /** Missing for direct partners. */
  offer: optional(envelopeBytes),
  lastSeenMs: optional(whole),
  rttMs: optional(count),
  standing: optional(standingReader),
});

/** Usable offers, each partner once, until patience ends. */
export async function* offers(context: JobContext, wish: OfferWish): AsyncGenerator<Offer> {
  const { env, policy } = context.chain.context;
  const until = env.nowMs() + wish.patienceMs;
  const life = follow(wish.signal);
  const alarm = env.sleep(wish.patienceMs, life.signal).then(life.abort, () => {});
  const watch = untilOver(context, wish.job, life.signal).then(life.abort, () => {});
  try {
    for (let turn = 0; env.nowMs() < until && !life.signal.aborted; turn++) {
      const validators = context.chain.directory.list();
      const { url, key } = validators[turn % Math.max(1, validators.length)] ?? noValidators();
      try {
        yield* offersOf(context, wish, { url, key }, life.signal);
      } catch (error) {
        if (!(error instanceof PalisadeError)) throw error;
        if (error.code === 'client/connection') context.chain.directory.noteFailure(key);
      }
      if (!life.signal.aborted) await env.sleep(policy.pauseMs, life.signal).catch(() => {}); // patience ended
    }
  } finally {
    life.abort();
    life.release();
    await Promise.all([alarm, watch]);
  }
  if (wish.signal?.aborted)
    throw clientError('client/aborted', 'The wait for offers was given up.');
}

/** Resolves when the chain has ended the job, which nobody offers for then; rejects when given up. */
async function untilOver(
  { chain }: JobContext,
  job: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const { env, policy } = chain.context;
  for (;;) {
    // A job ends with a session, which is longer than anybody waits for one answer.
    await env.sleep(policy.timeoutMs, signal);
    const view = await chain.job(job).catch(() => undefined); // it may not be reached just now
    if (view && !isOpen(view.job)) return;
  }
}

function noValidators(): never {
  throw clientError('client/no-validators', 'No validator is known to ask for offers.');
}

async function* offersOf(
  context: JobContext,
  wish: OfferWish,
  { url, key }: { readonly url: string; readonly key: string },
  signal: AbortSignal,
): AsyncGenerator<Offer> {
  const { env, policy } = context.chain.context;
  const query = new URLSearchParams({ limit: `${wish.limit}`, maxRate: `${wish.maxRate}` });
  if (wish.minScore > 0) query.set('minScore', `${wish.minScore}`);
  if (wish.maxRttMs !== undefined) query.set('maxRttMs', `${Math.round(wish.maxRttMs)}`);
  const path = `/v1/jobs/${toHex(wish.job)}/offers?${query}`;
  const request = { url: `${url}${path}`, timeoutMs: policy.timeoutMs, signal };
  for await (const { event, data } of serverEvents(env, request)) {
    if (event === 'end') return;
    if (event !== 'offer') continue;
    const found = await readOffer(context, wish, data, url);
    if (!found || wish.seen.has(toHex(found.partner))) continue;
    wish.seen.add(toHex(found.partner));
    yield { ...found, via: key };
  }
}

/** An offer that holds: signed, for this job, not too dear, still open, of a partner with an address. */
async function readOffer(
  { chain }: JobContext,
  wish: OfferWish,
  data: string,
  source: string,
): Promise<Omit<Offer, 'via'> | undefined> {
  const domain = await chain.domain();
  const nowMs = chain.context.env.nowMs();
  try {
    const said = offerEvent.fromJson(JSON.parse(data), 'offer');
    const { lastSeenMs, rttMs, standing } = said;
    if (!scoresAtLeast(standing, wish.minScore)) return undefined;
    const open = (ready: Uint8Array) => openReady(ready, domain, nowMs, source);
    const offered = said.offer && openMessage(offer, said.offer, domain, source);
    const latest = newer(open(said.ready), offered && open(offered.value.ready));
    const record = { ...latest, lastSeenMs, rttMs, standing };
    const rate = offered ? rateOffered(offered, record, wish, nowMs) : directRate(record, wish);
    if (rate === undefined || rate > wish.maxRate) return undefined;
    if (wish.suits && !wish.suits(record)) return undefined;
    const { nodeKey: partner, url } = record;
    return { partner, url, rate, record, direct: !said.offer };
  } catch (error) {
    // One bad offer among good ones: whoever passed it on is no reason to end the stream.
    if (error instanceof PalisadeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Of two records that a partner signed, the later tells where it is: a validator may serve a stale one. */
function newer(one: PartnerRecord, other: PartnerRecord | undefined): PartnerRecord {
  if (!other || !equalBytes(one.nodeKey, other.nodeKey)) return one;
  return other.ready.sequence > one.ready.sequence ? other : one;
}

/** What a signed offer says, if it is of this partner, for this job, and holds. */
function rateOffered(
  { sender, value }: Said<MessageOf<typeof offer>>,
  { nodeKey }: PartnerRecord,
  { job }: OfferWish,
  nowMs: number,
): bigint | undefined {
  const holds = value.validUntilMs > BigInt(nowMs) && equalBytes(value.job, job);
  return holds && equalBytes(sender, nodeKey) ? value.rate : undefined;
}

/** What a direct partner takes, in its own words. */
function directRate({ ready }: PartnerRecord, { size }: OfferWish): bigint | undefined {
  return ready.direct === 1 && ready.accepting === 1 ? rateFor(ready.price, size) : undefined;
}

/**
 * Takes up an offer: client and partner learn of each other.
 * @throws PalisadeError `client/bad-answer` when the match is not what was accepted
 */
export async function acceptOffer(
  { chain, account }: JobContext,
  job: Uint8Array,
  { partner, rate, record, via }: Offer,
): Promise<Matched> {
  const domain = await chain.domain();
  const body = await signEnvelope(accept, { job, partner, rate }, domain, account.signer);
  const reader = object({ match: envelopeBytes });
  /** The partner's READY in a match of what was accepted. */
  const readyIn = (found: { readonly match: Uint8Array }, url: string) => {
    const { value } = openMessage(match, found.match, domain, url);
    const same =
      equalBytes(value.job, job) &&
      equalBytes(value.partner, partner) &&
      equalBytes(value.client, account.signer.id) &&
      value.rate === rate;
    if (!same) throw badAnswer(url, 'it matches something else than was accepted');
    return openReady(value.ready, domain, chain.context.env.nowMs(), url, partner);
  };
  const [answer] = await chain.ask(
    {
      method: 'POST',
      path: `/v1/jobs/${toHex(job)}/accept`,
      body,
      reader,
      check(found, { url }) {
        readyIn(found, url);
        return found;
      },
    },
    { what: 'a match', first: via },
  );
  const { value, validator } = answer!;
  const latest = newer(record, readyIn(value, validator.url));
  return { partner, rate, url: latest.url, sequence: latest.ready.sequence, via: validator.key };
}
