/** What it will cost, before anything is signed. */
import {
  escrowFor,
  misfitOf,
  rateFor,
  request,
  sessionsFor,
  UTILITY,
} from '@palisade/market/schema';
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

const NAME_OF: Readonly<Record<number, string>> = {
  [UTILITY.storage]: 'storage',
  [UTILITY.computation]: 'computation',
  [UTILITY.access]: 'access',
};

/** What is looked for among the partners. */
type Need = {
  readonly utility: number;
  /** How many partners. */
  readonly partners: number;
  /** Term. */
  readonly sessions: number;
  /** Bytes that each must have room for. */
  readonly size: number;
  /** What its price is multiplied with: bytes for storage, instructions for computation. */
  readonly units: bigint;
  /** Highest price, base units. */
  readonly maxPrice?: bigint | undefined;
  /** Lowest score. */
  readonly minScore?: number | undefined;
};

/**
 * Asks the partners' own records what a content would cost.
 * @throws PalisadeError `client/too-few-partners` saying how many fit and what keeps the others out
 */
export async function quote(context: JobContext, wish: QuoteWish): Promise<Quote> {
  const { size, replicas, durationMs, maxPrice, minScore } = wish;
  const { sessionMs } = await context.chain.params();
  const sessions = sessionsFor(BigInt(Math.ceil(durationMs)), sessionMs);
  const need = {
    utility: UTILITY.storage,
    partners: replicas,
    sessions,
    size,
    units: BigInt(size),
    maxPrice,
    minScore,
  };
  const asked = await askAll(context, need);
  return { size, replicas, sessions, sessionMs, ...asked };
}

export type RunQuoteWish = {
  /** Bytes of module and input. */
  readonly size: number;
  /** Most instructions of a run. */
  readonly fuel: bigint;
  /** How many partners do the same work. */
  readonly fold: number;
  /** Most per started 2^20 instructions, base units. */
  readonly maxPrice?: bigint;
  /** Lowest score of a partner. */
  readonly minScore?: number;
};

/** As `Quote`; `maxRate` is what each partner is paid if the run uses all of its fuel. */
export type RunQuote = Pick<Quote, 'maxRate' | 'escrow' | 'fee' | 'partners'>;

/** A run is over within a session, or it is none for this market. */
export const RUN_SESSIONS = 1;

/**
 * Asks the partners' own records what a run would cost.
 * @throws PalisadeError `client/too-few-partners`
 */
export function quoteRun(context: JobContext, wish: RunQuoteWish): Promise<RunQuote> {
  const { size, fuel, fold, ...bounds } = wish;
  const need = {
    utility: UTILITY.computation,
    partners: fold,
    sessions: RUN_SESSIONS,
    size,
    units: fuel,
    ...bounds,
  };
  return askAll(context, need);
}

async function askAll({ chain }: JobContext, need: Need): Promise<RunQuote> {
  const { utility, partners: wanted, sessions, size, units } = need;
  const records = await chain.partners();
  const partners = records
    .filter((record) => whyNot(record, need) === undefined)
    .map((partner) => ({ partner, rate: rateFor(partner.ready.price, units) }))
    .sort((a, b) => (a.rate < b.rate ? -1 : a.rate > b.rate ? 1 : 0));
  const dearest = partners[wanted - 1];
  if (!dearest) throw tooFew(records, need, partners.length);
  const maxRate = dearest.rate;
  const terms = { partners: wanted, sessions, maxRate };
  const subject = new Uint8Array(32);
  const fee = await chain.feeFor(request, { utility, subject, size: BigInt(size), ...terms });
  return { maxRate, escrow: escrowFor(terms), fee, partners };
}

const MISFITS = {
  maxSize: 'takes nothing of that size',
  maxSessions: 'takes no term as long as that',
  price: 'asks more than the price allowed',
  freeBytes: 'has too little room',
} as const;

function whyNot(
  { ready, standing }: PartnerRecord,
  { utility, size, sessions, maxPrice, minScore = 0 }: Need,
): string | undefined {
  // The price is judged below: the client bounds it, not what all will cost.
  const anyRate = rateFor(ready.price, BigInt(size));
  const job = { utility, size: BigInt(size), sessions, maxRate: anyRate };
  const misfit = misfitOf(job, ready)?.item;
  if (misfit === 'utility') return `offers no ${NAME_OF[utility]}`;
  if (ready.accepting !== 1) return ready.reason === '' ? 'takes no work' : ready.reason;
  if (misfit) return MISFITS[misfit];
  if (maxPrice !== undefined && ready.price > maxPrice) return MISFITS.price;
  if (!scoresAtLeast(standing, minScore))
    return standing ? `scores ${standing.score}, below ${minScore}` : 'has no score that is known';
  return undefined;
}

function tooFew(records: readonly PartnerRecord[], need: Need, found: number) {
  const reasons = records.flatMap((record) => {
    const why = whyNot(record, need);
    return why === undefined ? [] : [`${record.url}: ${why}`];
  });
  return clientError(
    'client/too-few-partners',
    `${need.partners} partners are needed; ${found} of the ${records.length} known could take it.`,
    {
      retry: 'later',
      next: 'Ask for fewer, allow a higher price or a lower score, or wait: palisade partners shows who there is.',
      data: { found, known: records.length, reasons },
    },
  );
}
