/**
 * Access from the client's side: what it will cost, an agreement with one partner, vouchers for
 * what was used, and the receipt that ends it. The tunnel itself is in `tunnel/`.
 */
import { digestOf, equalBytes, seal, toHex } from '@palisade/core';
import {
  amountFor,
  escrowFor,
  PRICE_UNIT_BYTES,
  type Receipt,
  rateFor,
  request,
  sessionsFor,
  UTILITY,
  usageVoucher,
} from '@palisade/market/schema';
import { clientError } from '../base/errors.ts';
import type { PartnerRecord } from '../base/partners.ts';
import type { Payer } from '../tunnel/index.ts';
import type { JobContext } from './context.ts';
import { acceptOffer, offers } from './offers.ts';
import { postVoucher, type TunnelTerms, tunnelTerms } from './partner-api.ts';
import { completeWith } from './remove.ts';
import { type Confirmed, collectConfirmations, requestJob } from './request.ts';
import { doorOf, FIRST_SEQUENCE, persist, untilStarted } from './upload.ts';
import { signVoucher } from './voucher.ts';

export type AccessWish = {
  readonly partner: PartnerRecord;
  /** Most bytes to pay for, both directions together. */
  readonly bytes: number;
  /** How long it is wanted at least, ms. */
  readonly durationMs: number;
  /** Most per MiB carried, base units. */
  readonly maxPrice?: bigint;
};

export type AccessQuote = {
  readonly partner: PartnerRecord;
  /** Base units per MiB carried. */
  readonly price: bigint;
  /** Bytes for each session, and what they cost; all sessions together are the most that is paid. */
  readonly size: bigint;
  readonly rate: bigint;
  readonly sessions: number;
  readonly sessionMs: bigint;
  /** Locked with the request; what is not used comes back. */
  readonly escrow: bigint;
  /** Of the request's transaction. */
  readonly fee: bigint;
  /** Where it leads. */
  readonly terms: TunnelTerms;
};

/** An agreement of access that runs. */
export type AccessJob = {
  readonly job: Uint8Array;
  readonly partner: Uint8Array;
  readonly url: string;
  readonly rate: bigint;
  readonly size: bigint;
  readonly sessions: number;
};

export type AccessProgress =
  | { readonly step: 'confirmed'; readonly job: Uint8Array; readonly by: Confirmed }
  | { readonly step: 'in-block'; readonly job: Uint8Array; readonly height: bigint }
  | { readonly step: 'matched'; readonly partner: Uint8Array; readonly rate: bigint }
  | { readonly step: 'started'; readonly partner: Uint8Array };

export type AccessOptions = {
  readonly onProgress?: (progress: AccessProgress) => void;
  readonly signal?: AbortSignal;
};

/** For the partner's offer, ms: it answers within seconds or not at all. */
const PATIENCE_MS = 30_000;
/** Offers of other partners that are passed over: C2V-5 allows no more to be asked for. */
const MAX_OFFERS = 32;
const NO_BYTES = new Uint8Array(0);
const ZERO = new Uint8Array(32);

/** What access by a partner would cost. @throws PalisadeError `client/partner-failed` saying why not */
export async function quoteAccess(
  context: JobContext,
  { partner, bytes, durationMs, maxPrice }: AccessWish,
): Promise<AccessQuote> {
  const { chain, account } = context;
  const { ready, url } = partner;
  const why = whyNot(ready, maxPrice);
  if (why !== undefined)
    throw clientError('client/partner-failed', `${url} ${why}.`, {
      next: 'palisade partners shows who offers access, and for how much.',
    });
  const [terms, { sessionMs }] = await Promise.all([
    tunnelTerms(doorOf(context, url)),
    chain.params(),
  ]);
  const sessions = sessionsFor(BigInt(Math.ceil(durationMs)), sessionMs);
  const perSession = (BigInt(bytes) + BigInt(sessions) - 1n) / BigInt(sessions);
  // Whole MiB, so that the price of a byte is the one that the partner asks.
  const size = ((perSession + PRICE_UNIT_BYTES - 1n) / PRICE_UNIT_BYTES) * PRICE_UNIT_BYTES;
  const rate = rateFor(ready.price, size);
  const wanted = { ...wantedFor({ size, rate, sessions }), client: account.signer.id };
  const fee = await chain.feeFor(request, wanted);
  const escrow = escrowFor({ partners: 1, sessions, maxRate: rate });
  return { partner, price: ready.price, size, rate, sessions, sessionMs, escrow, fee, terms };
}

function whyNot(ready: PartnerRecord['ready'], maxPrice?: bigint): string | undefined {
  if (ready.utility !== UTILITY.access) return 'offers no access';
  if (ready.accepting !== 1)
    return `takes no work${ready.reason === '' ? '' : `: ${ready.reason}`}`;
  if (maxPrice !== undefined && ready.price > maxPrice) return 'asks more than the price allowed';
  return undefined;
}

function wantedFor({ size, rate, sessions }: Pick<AccessQuote, 'size' | 'rate' | 'sessions'>) {
  const { access: utility } = UTILITY;
  return { utility, subject: ZERO, size, partners: 1, sessions, maxRate: rate };
}

/**
 * Requests, waits for the partner's offer, and starts. Money is locked from the block on.
 * @throws PalisadeError `client/too-few-partners` when no offer of that partner comes
 */
export async function buyAccess(
  context: JobContext,
  quote: AccessQuote,
  { onProgress, signal }: AccessOptions = {},
): Promise<AccessJob> {
  const { chain } = context;
  const { partner, size, sessions } = quote;
  let confirmed: { readonly job: Uint8Array; readonly by: Confirmed } | undefined;
  let id = NO_BYTES as Uint8Array;
  const note = async ({ job }: { readonly job: Uint8Array }) => {
    id = job;
  };
  const { job, envelope } = await requestJob(context, wantedFor(quote), note, (by) => {
    confirmed = { job: id, by };
  });
  if (confirmed) onProgress?.({ step: 'confirmed', ...confirmed });
  const resend = () => collectConfirmations(context, job, envelope);
  const { height } = await chain.waitFor(job, { resend, signal });
  onProgress?.({ step: 'in-block', job, height });
  const chosen = await matchWith(context, job, quote, signal);
  onProgress?.({ step: 'matched', partner: chosen.partner, rate: chosen.rate });
  const door = doorOf(context, chosen.url, signal);
  const voucher = await signVoucher(context, job, chosen, FIRST_SEQUENCE, sessions);
  await persist(context, () => postVoucher(door, voucher));
  await untilStarted(context, door, chosen.partner, { job, size: 0 });
  onProgress?.({ step: 'started', partner: partner.nodeKey });
  const { url } = chosen;
  return { job, partner: chosen.partner, url, rate: chosen.rate, size, sessions };
}

async function matchWith(
  context: JobContext,
  job: Uint8Array,
  { partner, rate, size }: AccessQuote,
  signal: AbortSignal | undefined,
) {
  const seen = new Set<string>();
  // Whom it is to be with, was chosen before, score and all.
  const wish = {
    job,
    maxRate: rate,
    size,
    minScore: 0,
    limit: MAX_OFFERS,
    patienceMs: PATIENCE_MS,
    seen,
    signal,
  };
  for await (const offer of offers(context, wish))
    if (equalBytes(offer.partner, partner.nodeKey)) return acceptOffer(context, job, offer);
  throw clientError('client/too-few-partners', `${partner.url} did not offer to take the job.`, {
    retry: 'later',
    next: 'Cancel the job with palisade rm, or let it lapse: the money comes back.',
    data: { job: toHex(job) },
  });
}

/** What a client has signed for a job, and must not forget: the next voucher builds on it. */
export type UsageState = {
  readonly sequence: number;
  readonly units: bigint;
  readonly amount: bigint;
  /** Digest of the last voucher, which the next one names; zero before the first. */
  readonly digest: Uint8Array;
  /** Its envelope; empty before the first. */
  readonly voucher: Uint8Array;
};

export const NOTHING_USED: UsageState = {
  sequence: 0,
  units: 0n,
  amount: 0n,
  digest: ZERO,
  voucher: NO_BYTES,
};

/** Signs usage vouchers for a job, each after the last. */
export class UsagePayer implements Payer {
  readonly #context: JobContext;
  readonly #job: AccessJob;
  readonly #keep: (state: UsageState) => Promise<void>;
  #state: UsageState;

  /** @param keep writes a state down; the voucher leaves when that is done */
  constructor(
    context: JobContext,
    job: AccessJob,
    keep: (state: UsageState) => Promise<void>,
    state: UsageState = NOTHING_USED,
  ) {
    this.#context = context;
    this.#job = job;
    this.#keep = keep;
    this.#state = state;
  }

  get state(): UsageState {
    return this.#state;
  }

  get units(): bigint {
    return this.#state.units;
  }

  get voucher(): Uint8Array {
    return this.#state.voucher;
  }

  get limit(): bigint {
    return this.#job.size * BigInt(this.#job.sessions);
  }

  async pay(units: bigint): Promise<Uint8Array> {
    const { chain, account } = this.#context;
    const { job, partner } = this.#job;
    if (units > this.limit || units < this.#state.units)
      throw clientError('client/bad-answer', `${units} units are not what was agreed on.`);
    const domain = await chain.domain();
    const sequence = this.#state.sequence + 1;
    const amount = amountFor(units, this.#job);
    const timeMs = BigInt(chain.context.env.nowMs());
    const value = { job, partner, sequence, units, amount, timeMs, previous: this.#state.digest };
    const digest = digestOf(usageVoucher, value, domain);
    const signature = await account.signer.sign(digest);
    const voucher = seal(usageVoucher, value, domain, account.signer.id, signature);
    const next: UsageState = { sequence, units, amount, digest, voucher };
    await this.#keep(next);
    this.#state = next;
    return voucher;
  }
}

/** Ends the agreement with a receipt over all that was used; answers with the fee. */
export function endAccess(
  context: JobContext,
  { job, partner, url }: AccessJob,
  { sequence, units, amount }: UsageState,
): Promise<{ readonly receipt: Receipt; readonly fee: bigint }> {
  return completeWith(context, url, (lastSession) => ({
    job,
    partner,
    sequence,
    lastSession,
    units,
    amount,
    result: ZERO,
  }));
}
