/**
 * A client of the chain: what people and daemons ask validators, and how they send transactions.
 * It knows several validators and depends on none (C2V-1, C2V-2.G1).
 */
import {
  type ChainParams,
  NATIVE,
  type QueryDeclaration,
  RUNNING,
  type Session,
  sessionQuery,
} from '@palisade/chain/schema';
import { type Declaration, type Domain, type Signer, toHex } from '@palisade/core';
import { type Job, type JobView, jobQuery } from '@palisade/market/schema';
import {
  type BlockView,
  blockReader,
  type ChainEvent,
  giftReader,
  historyReader,
  type Status,
} from './answers.ts';
import { ClientContext, type ConnectOptions, type Probe } from './client-context.ts';
import type { Directory } from './directory.ts';
import { type FollowOptions, followEvents } from './following.ts';
import { allJobsOf, type Payout, wholePayout } from './pages.ts';
import { type PartnerRecord, readyPartners } from './partners.ts';
import { movedFile, payoutFile } from './payout-file.ts';
import type { Answer, ReachContext, ReachOptions } from './reach.ts';
import { ask, orNothing, type Question, query } from './requests.ts';
import {
  type CommandFields,
  type Deliver,
  type Included,
  type Posted,
  type SendOptions,
  sending,
  type WaitOptions,
} from './sending.ts';
import type { Submitted } from './submitting.ts';

export type ChainClient = {
  readonly directory: Directory;
  /** For code that talks to validators in ways of its own, such as a partner's notices. */
  readonly context: ReachContext;
  /** The account of itself of whichever validator answers first. */
  status(): Promise<Status>;
  /** Asks every known validator for its status, which also measures it. */
  probe(): Promise<readonly Probe[]>;
  /** The chain's signing domain, learned with the first answer; another chain is refused after. */
  domain(): Promise<Domain>;
  params(): Promise<ChainParams>;
  session(number?: bigint): Promise<Session>;
  /** Sends a question of spec/api.md through the retry policy. */
  ask<T>(question: Question<T>, options: ReachOptions<T>): Promise<readonly Answer<T>[]>;
  /** @throws PalisadeError `chain/not-found` */
  query<P, R>(declaration: QueryDeclaration<P, R>, params: P): Promise<R>;
  /** As `query`, undefined where there is no such thing. */
  find<P, R>(declaration: QueryDeclaration<P, R>, params: P): Promise<R | undefined>;
  /** What a command costs now, base units: exact, before anything is signed. */
  feeFor<T>(declaration: Declaration<T>, fields: CommandFields<T>): Promise<bigint>;
  /** Hands over a signed envelope; resolves when a validator has acknowledged it. */
  submit(envelope: Uint8Array): Promise<Submitted>;
  /** Signs a command and hands it over, without waiting for a block. */
  post<T>(
    declaration: Declaration<T>,
    fields: CommandFields<T>,
    signer: Signer,
    options?: SendOptions,
    deliver?: Deliver,
  ): Promise<Posted>;
  /**
   * Signs a command, hands it over and waits for its block.
   * @throws PalisadeError the refusal of a command that was refused in its block: its fee is paid
   */
  send<T>(
    declaration: Declaration<T>,
    fields: CommandFields<T>,
    signer: Signer,
    options?: SendOptions,
  ): Promise<Included & Posted>;
  /** Waits for a transaction's block. */
  waitFor(id: Uint8Array, options?: WaitOptions): Promise<Included>;
  events(options?: FollowOptions): AsyncIterable<ChainEvent>;
  /** All events that name a job. */
  history(job: Uint8Array): Promise<readonly ChainEvent[]>;
  job(id: Uint8Array): Promise<JobView | undefined>;
  jobsOf(client: Uint8Array): Promise<readonly { readonly id: Uint8Array; readonly job: Job }[]>;
  /** Partners whose own word, signed and not expired, says what they offer and where. */
  partners(): Promise<readonly PartnerRecord[]>;
  /**
   * A session's payout file, from validators or the partners that keep it now; checked against its record.
   * @throws PalisadeError `client/no-source` when nobody gives it any more
   */
  payout(session: bigint): Promise<Payout | undefined>;
  /** The same as the bytes that its content id names. */
  payoutFile(session: bigint): Promise<Uint8Array | undefined>;
  block(height: bigint | 'latest'): Promise<BlockView>;
  /** Development network only. */
  faucet(address: Uint8Array): Promise<{ readonly amount: bigint; readonly denom: string }>;
};

/**
 * Makes a client. Nothing is sent before the first question.
 * @throws PalisadeError `client/bad-url`
 *
 * @example
 * const chain = connect({ urls: ['http://127.0.0.1:7001'] });
 * const { height } = await chain.status();
 * await chain.send(send, { to, denom: 'pal', amount: 10n ** 18n }, accountSigner(secret));
 */
export function connect(options: ConnectOptions): ChainClient {
  const context = new ClientContext(options);
  const { post, feeFor, submit, waitFor } = sending(context);
  const find: ChainClient['find'] = (declaration, params) =>
    orNothing(query(context, declaration, params, context.floor));
  const one = async <T>(question: Question<T>, what: string) =>
    (await ask(context, question, { what }))[0]!.value;

  const sources = { context, find, domain: () => context.domain() };
  return {
    directory: context.directory,
    context,
    status: () => context.status(),
    probe: () => context.probe(),
    domain: () => context.domain(),
    params: () => context.params(),
    session: (number = RUNNING) => query(context, sessionQuery, { number }, context.floor),
    ask: (question, how) => ask(context, question, how),
    query: (declaration, params) => query(context, declaration, params, context.floor),
    find,
    feeFor,
    submit,
    post,
    waitFor,
    async send(declaration, fields, signer, how) {
      const posted = await post(declaration, fields, signer, how);
      const resend = () => submit(posted.envelope, posted.id);
      return { ...posted, ...(await waitFor(posted.id, { resend, signal: how?.signal })) };
    },
    events: (how = {}) =>
      followEvents(context, how, async () => (await context.status()).height + 1n),
    history: async (job) =>
      (await one({ path: `/v1/jobs/${toHex(job)}/history`, reader: historyReader }, 'a history'))
        .events,
    job: (id) => find(jobQuery, { id }),
    jobsOf: (client) => allJobsOf(find, client),
    partners: async () => readyPartners(context, await context.domain()),
    payout: (session) =>
      wholePayout(find, session, (summary, job) => movedFile(sources, summary, job)),
    payoutFile: (session) => payoutFile(sources, session),
    block: (height) => one({ path: `/v1/blocks/${height}`, reader: blockReader }, 'a block'),
    async faucet(address) {
      const body = JSON.stringify({ address: toHex(address) });
      const question = { method: 'POST' as const, path: '/v1/faucet', body, reader: giftReader };
      const gift = await one(question, 'a gift');
      if (gift.id) await waitFor(gift.id);
      return { amount: gift.amount, denom: NATIVE.denom };
    },
  };
}
