/** What it will cost, before anything is signed. */
import { escrowFor, rateFor, request, sessionsFor, UTILITY } from '@palisade/market/schema';
import { clientError } from '../base/errors.ts';
import { type PartnerRecord, scoresAtLeast } from '../base/partners.ts';
import type { JobContext } from './context.ts';

export type QuoteWish = {
  /** Bytes of the content as stored, seal included. */
  readonly size: number;
  /** Full copies, each with another partner. */
  readonly replicas: number;
  /** How long it is to be kept at least, ms. */
  readonly durationMs: number;
  /** Most per started MiB and session, base units. */
  readonly maxPrice?: bigint;
  /** Least score of the partners, 0 to 1000; any, unless given. */
  readonly minScore?: number;
};

/** A partner that could take the content now, with what it asks. */
export type PartnerQuote = {
  readonly partner: PartnerRecord;
  /** Base units per session for the whole content. */
  readonly rate: bigint;
};

export type Quote = {
  readonly size: number;
  readonly replicas: number;
  /** Sessions of the term. */
  readonly sessions: number;
  readonly sessionMs: bigint;
  /** What the request will allow each partner per session: the asking of the dearest one needed. */
  readonly maxRate: bigint;
  /** Locked with the request; what is not earned comes back. */
  readonly escrow: bigint;
  /** Of the request's transaction: the only fee that the client pays. */
  readonly fee: bigint;
  /** All partners that fit, the cheapest first. */
  readonly partners: readonly PartnerQuote[];
};

/**
 * Asks the partners' own records what a content would cost.
 * @throws PalisadeError `client/too-few-partners` saying how many fit and what keeps the others out
 */
export async function quote({ chain }: JobContext, wish: QuoteWish): Promise<Quote> {
  const { size, replicas, durationMs } = wish;
  const [records, { sessionMs }] = await Promise.all([chain.partners(), chain.params()]);
  const fitting = records.filter((record) => whyNot(record, wish) === undefined);
  const partners = fitting
    .map((partner) => ({ partner, rate: rateFor(partner.ready.price, BigInt(size)) }))
    .sort((a, b) => (a.rate < b.rate ? -1 : a.rate > b.rate ? 1 : 0));
  const dearest = partners[replicas - 1];
  if (!dearest || replicas < 1) throw tooFew(records, wish, partners.length);
  const sessions = sessionsFor(BigInt(Math.ceil(durationMs)), sessionMs);
  const maxRate = dearest.rate;
  const escrow = escrowFor({ partners: replicas, sessions, maxRate });
  const fields = {
    utility: UTILITY.storage,
    subject: new Uint8Array(32),
    size: BigInt(size),
    partners: replicas,
    sessions,
    maxRate,
  };
  const fee = await chain.feeFor(request, fields);
  return { size, replicas, sessions, sessionMs, maxRate, escrow, fee, partners };
}

function whyNot({ ready, standing }: PartnerRecord, wish: QuoteWish): string | undefined {
  const { size, maxPrice, minScore = 0 } = wish;
  if (ready.utility !== UTILITY.storage) return 'offers no storage';
  if (ready.accepting !== 1) return ready.reason === '' ? 'takes no work' : ready.reason;
  if (ready.freeBytes < BigInt(size)) return 'has too little room';
  if (maxPrice !== undefined && ready.price > maxPrice) return 'asks more than the price allowed';
  if (!scoresAtLeast(standing, minScore))
    return standing ? `scores ${standing.score}, below ${minScore}` : 'has no score that is known';
  return undefined;
}

function tooFew(records: readonly PartnerRecord[], wish: QuoteWish, found: number) {
  const reasons = records.flatMap((record) => {
    const why = whyNot(record, wish);
    return why === undefined ? [] : [`${record.url}: ${why}`];
  });
  return clientError(
    'client/too-few-partners',
    `${wish.replicas} copies need as many partners; ${found} of the ${records.length} known could take it.`,
    {
      retry: 'later',
      next: 'Ask for fewer copies, allow a higher price or a lower score, or wait: palisade partners shows who there is.',
      data: { found, known: records.length, reasons },
    },
  );
}
