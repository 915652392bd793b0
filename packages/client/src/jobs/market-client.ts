/** Everything that somebody who stores files does, by one account. */
import type { Job, JobView } from '@palisade/market/schema';
import type { ChainEvent } from '../base/answers.ts';
import type { ChainClient } from '../base/chain-client.ts';
import {
  type AccessJob,
  type AccessOptions,
  type AccessQuote,
  type AccessWish,
  buyAccess,
  endAccess,
  quoteAccess,
  UsagePayer,
  type UsageState,
} from './access.ts';
import type { Account, JobContext } from './context.ts';
import { needJob } from './context.ts';
import { type GetOptions, type Got, get, getShared, share } from './get.ts';
import { type PutResult, type PutWish, put } from './put.ts';
import {
  type Quote,
  type QuoteWish,
  quote,
  quoteRun,
  type RunQuote,
  type RunQuoteWish,
} from './quote.ts';
import { planRemoval, type Removal, type RemovalPlan, remove } from './remove.ts';
import { planRenewal, type Renewal, type RenewalPlan, renew } from './renew.ts';
import { type RunDone, type RunWish, run } from './run.ts';

export type MarketClient = {
  readonly chain: ChainClient;
  quote(wish: QuoteWish): Promise<Quote>;
  put(wish: PutWish): Promise<PutResult>;
  get(job: Uint8Array, options?: GetOptions): Promise<Got>;
  share(job: Uint8Array): Promise<string>;
  getShared(share: string, options?: Omit<GetOptions, 'key'>): Promise<Got>;
  planRemoval(job: Uint8Array): Promise<RemovalPlan>;
  remove(job: Uint8Array): Promise<Removal>;
  planRenewal(job: Uint8Array, durationMs: number): Promise<RenewalPlan>;
  renew(job: Uint8Array, sessions: number): Promise<Renewal>;
  quoteRun(wish: RunQuoteWish): Promise<RunQuote>;
  /** Has a module run by several partners, and pays those that agree. */
  run(wish: RunWish): Promise<RunDone>;
  quoteAccess(wish: AccessWish): Promise<AccessQuote>;
  /** Agrees on access with one partner; the tunnel itself is opened by `openTunnel`. */
  buyAccess(quote: AccessQuote, options?: AccessOptions): Promise<AccessJob>;
  /** Who pays for a tunnel; `keep` writes a state down before its voucher leaves. */
  payer(job: AccessJob, keep: (state: UsageState) => Promise<void>, from?: UsageState): UsagePayer;
  /** Ends access with a receipt over all that was used. */
  endAccess(job: AccessJob, used: UsageState): ReturnType<typeof endAccess>;
  jobs(): Promise<readonly { readonly id: Uint8Array; readonly job: Job }[]>;
  /** A job with everything that happened to it. */
  job(id: Uint8Array): Promise<JobView & { readonly history: readonly ChainEvent[] }>;
};

/**
 * @example
 * const market = openMarket(connect({ urls }), { signer: accountSigner(secret), ownerSecret: secret });
 * const spooled = await spoolFile(file.stream(), manifest, { ownerSecret: secret }, memorySpool);
 * const { sessions, maxRate } = await market.quote({ size: spooled.size, replicas: 3, durationMs });
 * const { job } = await market.put({ ...spooled, replicas: 3, sessions, maxRate });
 * const { manifest, bytes } = await market.get(job);
 */
export function openMarket(chain: ChainClient, account: Account): MarketClient {
  const context: JobContext = { chain, account };
  return {
    chain,
    quote: (wish) => quote(context, wish),
    put: (wish) => put(context, wish),
    get: (job, options) => get(context, job, options),
    share: (job) => share(context, job),
    getShared: (text, options) => getShared(context, text, options),
    planRemoval: (job) => planRemoval(context, job),
    remove: (job) => remove(context, job),
    planRenewal: (job, durationMs) => planRenewal(context, job, durationMs),
    renew: (job, sessions) => renew(context, job, sessions),
    quoteRun: (wish) => quoteRun(context, wish),
    run: (wish) => run(context, wish),
    quoteAccess: (wish) => quoteAccess(context, wish),
    buyAccess: (quoted, options) => buyAccess(context, quoted, options),
    payer: (job, keep, from) => new UsagePayer(context, job, keep, from),
    endAccess: (job, used) => endAccess(context, job, used),
    jobs: () => chain.jobsOf(account.signer.id),
    async job(id) {
      const [view, history] = await Promise.all([needJob(context, id), chain.history(id)]);
      return { ...view, history };
    },
  };
}
