/**
 * A client of the chain: what people and daemons ask validators, and how they send transactions.
 * It knows several validators and depends on none (C2V-1, C2V-2.G1).
 */
import {
  type ChainParams,
  MAX_PAGE,
  NATIVE,
  paramsQuery,
  type QueryDeclaration,
  RUNNING,
  type Session,
  sessionQuery,
} from '@palisade/chain/schema';
import {
  type Declaration,
  type Domain,
  equalBytes,
  type PalisadeError,
  type Signer,
  signingDomain,
  toHex,
} from '@palisade/core';
import {
  type Job,
  type JobView,
  jobQuery,
  jobsOfQuery,
  type PayoutRow,
  payoutQuery,
} from '@palisade/market/schema';
import {
  type BlockView,
  blockReader,
  type ChainEvent,
  giftReader,
  historyReader,
  type Status,
  statusReader,
} from './answers.ts';
import { Directory, type DirectoryData, type Validator } from './directory.ts';
import { type Environment, environment } from './environment.ts';
import { asClientError, clientError } from './errors.ts';
import { type FollowOptions, followEvents } from './following.ts';
import { requestJson } from './http.ts';
import { type PartnerRecord, readyPartners } from './partners.ts';
import {
  type Answer,
  DEFAULT_POLICY,
  DEVELOPMENT_POLICY,
  type ReachContext,
  type ReachOptions,
  type ReachPolicy,
} from './reach.ts';
import { ask, orNothing, type Question, query } from './requests.ts';
import {
  type CommandFields,
  type Deliver,
  type Included,
  type Posted,
  type SendingContext,
  type SendOptions,
  sending,
  type WaitOptions,
} from './sending.ts';

export type ConnectOptions = {
  /** Base URLs of validators to begin with; one that answers is enough. */
  readonly urls: readonly string[];
  /** Genesis hash (32 bytes) of the chain that is meant; by default that of whoever answers first. */
  readonly genesisHash?: Uint8Array;
  /** A directory from an earlier session. */
  readonly directory?: DirectoryData;
  /** By default 6 s an attempt, 2 s on chains with blocks of up to 2 s. */
  readonly policy?: ReachPolicy;
  readonly environment?: Partial<Environment>;
};

/** What a validator said of itself just now, or why it did not. */
export type Probe = { readonly validator: Validator } & (
  | { readonly status: Status; readonly error?: undefined }
  | { readonly error: PalisadeError; readonly status?: undefined }
);

/** A session's payout file, whole. */
export type Payout = {
  readonly session: bigint;
  readonly root: Uint8Array;
  readonly total: bigint;
  readonly height: bigint;
  readonly rows: readonly PayoutRow[];
};

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
  submit(envelope: Uint8Array): Promise<{ readonly id: Uint8Array }>;
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
  payout(session: bigint): Promise<Payout | undefined>;
  block(height: bigint | 'latest'): Promise<BlockView>;
  /** Development network only. */
  faucet(address: Uint8Array): Promise<{ readonly amount: bigint; readonly denom: string }>;
};

/** Up to this block time a chain is taken for a development network, where everything is quicker. */
const QUICK_BLOCK_MS = 2000;
const ZERO = new Uint8Array(32);

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
    payout: (session) => wholePayout(find, session),
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

/** What a client remembers: the chain it talks to, its parameters, the highest block of its own. */
class ClientContext implements SendingContext {
  readonly directory: Directory;
  readonly env: Environment;
  policy: ReachPolicy;
  floor = 0n;
  readonly #fixedPolicy: boolean;
  #domain: Domain | undefined;
  #params: ChainParams | undefined;
  #blockTimeMs: number | undefined;

  constructor({ urls, directory, policy, environment: parts, genesisHash }: ConnectOptions) {
    this.directory = new Directory(urls, directory);
    this.env = environment(parts);
    this.policy = policy ?? DEFAULT_POLICY;
    this.#fixedPolicy = policy !== undefined;
    if (genesisHash) this.#domain = signingDomain(genesisHash);
  }

  async status(): Promise<Status> {
    const question: Question<Status> = {
      path: '/status',
      reader: statusReader,
      check: (status, validator) => this.#learn(status, validator),
    };
    const [answer] = await ask(this, question, { what: 'a status' });
    return answer!.value;
  }

  async probe(): Promise<readonly Probe[]> {
    return Promise.all(this.directory.list().map((validator) => this.#probeOne(validator)));
  }

  async #probeOne(validator: Validator): Promise<Probe> {
    const { url, key } = validator;
    const started = this.env.nowMs();
    try {
      const request = { url: `${url}/status`, timeoutMs: this.policy.timeoutMs };
      const status = this.#learn(await requestJson(this.env, request, statusReader), validator);
      this.directory.noteAnswer(toHex(status.nodeKey), this.env.nowMs() - started);
      return { validator: this.directory.find(status.nodeKey) ?? validator, status };
    } catch (thrown) {
      this.directory.noteFailure(key);
      return { validator, error: asClientError(thrown, url) };
    }
  }

  async domain(): Promise<Domain> {
    // A pinned chain is checked as well: signing for one that nobody runs helps nobody.
    if (this.#blockTimeMs === undefined) await this.status();
    return this.#domain!;
  }

  async params(fresh = false): Promise<ChainParams> {
    if (fresh || !this.#params) this.#params = await query(this, paramsQuery, {}, this.floor);
    return this.#params;
  }

  async blockTimeMs(): Promise<number> {
    if (this.#blockTimeMs === undefined) await this.status();
    return this.#blockTimeMs!;
  }

  sawBlock(height: bigint): void {
    if (height > this.floor) this.floor = height;
  }

  #learn(status: Status, { url }: Validator): Status {
    const found = signingDomain(status.genesisHash);
    this.#domain ??= found;
    if (!equalBytes(this.#domain.genesisHash, status.genesisHash))
      throw clientError(
        'client/other-chain',
        `${url} runs another chain: its genesis hash is ${toHex(status.genesisHash)}, not ${toHex(this.#domain.genesisHash)}.`,
        { next: 'Connect to a validator of the right chain, or forget the old one.' },
      );
    const { nodeKey, name, seat } = status;
    const own = status.directory.find((line) => equalBytes(line.nodeKey, nodeKey));
    const weight = own?.weight;
    this.directory.identify(url, { nodeKey, url, name, seat, ...(weight ? { weight } : {}) });
    this.directory.hear(
      status.directory.map(({ weight: votes, ...line }) => ({
        ...line,
        ...(votes === undefined ? {} : { weight: votes }),
      })),
    );
    this.#blockTimeMs = status.blockTimeMs;
    if (!this.#fixedPolicy)
      this.policy = status.blockTimeMs <= QUICK_BLOCK_MS ? DEVELOPMENT_POLICY : DEFAULT_POLICY;
    return status;
  }
}

type Find = ChainClient['find'];

async function allJobsOf(find: Find, client: Uint8Array) {
  const all: { id: Uint8Array; job: Job }[] = [];
  for (let after = ZERO; ; ) {
    const page = (await find(jobsOfQuery, { client, after }))?.jobs ?? [];
    all.push(...page);
    if (page.length < MAX_PAGE) return all;
    after = Uint8Array.from(page.at(-1)!.id);
  }
}

/** A page holds whole jobs; an empty one says that there are no more. */
async function wholePayout(find: Find, session: bigint): Promise<Payout | undefined> {
  const rows: PayoutRow[] = [];
  for (let after = ZERO; ; ) {
    const page = await find(payoutQuery, { session, after });
    if (!page) return undefined;
    rows.push(...page.rows);
    const last = page.rows.at(-1);
    const { root, total, height } = page.summary;
    if (!last) return { session, root, total, height, rows };
    after = Uint8Array.from(last.job);
  }
}
