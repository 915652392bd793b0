/**
 * A market for tests, on top of the chain's kit: clients with money, partners with machines and
 * contents, and every step of a job's life as one call. The steps are honest; whoever wants to lie
 * signs with `chain.sign` and puts the lie into it.
 *
 * @example
 * const market = await startMarket();
 * const job = await market.request('alice', { sessions: 3 });
 * await market.start('alice', 'p0', job);
 * await market.answer('p0', job);
 * await market.chain.endSession();
 */

import type { QueryDeclaration } from '@palisade/chain/schema';
import {
  createProver,
  describeContent,
  digestOf,
  GROUP_BYTES,
  GROUP_LEAVES,
  type Infer,
  type Signer,
} from '@palisade/core';
import {
  type Agreement,
  accountKey,
  agreements,
  answerAudit,
  cancel,
  challenge,
  clientReceipt,
  complete,
  DEFAULT_ARCHIVE_PARAMS,
  DEFAULT_DUTY_PARAMS,
  DEFAULT_MARKET_PARAMS,
  DEFAULT_STANDING_PARAMS,
  ESCROW,
  fileVoucher,
  type Job,
  jobs,
  type MarketParams,
  marketModule,
  marketParams,
  type PayoutRow,
  partnerComplete,
  partnerReceipt,
  payoutRows,
  postBond,
  type Receipt,
  ROLE,
  type Role,
  rateVoucher,
  renew,
  request,
  type StandingParams,
  type StandingView,
  standingQuery,
  start,
  storageReceipt,
  UTILITY,
  usageVoucher,
} from '@palisade/market';
import {
  type Block,
  type Chain,
  type ChainOptions,
  PAL,
  startChain,
} from '../../chain/test/chain-kit.ts';

export const CLIENTS = ['alice', 'bert', 'cleo'] as const;
export const PARTNERS = ['p0', 'p1', 'p2', 'p3'] as const;
export type ClientName = (typeof CLIENTS)[number];
export type PartnerName = (typeof PARTNERS)[number];

/** What a client starts with: enough for every story. */
export const CLIENT_FUNDS = 1_000n * PAL;
/** What a partner's account starts with, to pay its fees. */
export const PARTNER_FUNDS = 100n * PAL;
/** What a validator's account starts with, to pay its fees. */
export const VALIDATOR_FUNDS = 100n * PAL;
/** Highest rate of the stories, base units per session. */
export const RATE = PAL;

/** Standings are kept but limit nobody: most stories are about something else. */
export const UNLIMITED: StandingParams = {
  ...DEFAULT_STANDING_PARAMS,
  periodSessions: 1,
  leastPartnerScore: 0,
  failuresToContain: 1000,
  probationReceipts: 0,
  bond: 0n,
  bondSessions: 1,
  exposureFloor: 10n ** 30n,
};

export const TEST_PARAMS: MarketParams = {
  ...DEFAULT_MARKET_PARAMS,
  auditSamples: 3,
  leastAuditMs: 10_000n,
  maxSessions: 20,
  standing: UNLIMITED,
  duties: { ...DEFAULT_DUTY_PARAMS, maxOpenComplaints: 3 },
  // No file leaves the validators: what happens then is told apart.
  archive: { ...DEFAULT_ARCHIVE_PARAMS, sharePpm: 0 },
};

/** A content of `size` bytes that no other seed gives. */
export function contentOf(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0, x = seed * 7919 + 1; i < size; i++) {
    x = (x * 1103515245 + 12345) & 0x7fffffff;
    bytes[i] = x >> 16;
  }
  return bytes;
}

export type LeafProofs = Infer<typeof answerAudit.schema>['proofs'];

export const CONTENT = contentOf(20_000);
const outline = describeContent([CONTENT]);
const prover = createProver(outline);

type Terms = {
  readonly partners?: number;
  readonly sessions?: number;
  readonly maxRate?: bigint;
  readonly size?: bigint;
  readonly utility?: number;
  readonly subject?: Uint8Array;
};
export type Voucher = {
  readonly sequence?: number;
  readonly rate?: bigint;
  readonly sessions?: number;
};

/** What a receipt of computation or access says that one of storage does not. */
export type Use = Partial<Pick<Receipt, 'units' | 'amount' | 'result'>>;

/** What a usage voucher says in the stories, unless they say otherwise. */
export type Usage = {
  readonly sequence?: number;
  readonly units?: bigint;
  readonly amount?: bigint;
  readonly timeMs?: bigint;
  readonly previous?: Uint8Array;
};

export async function startMarket(
  options: ChainOptions & { readonly market?: Partial<MarketParams> } = {},
): Promise<Market> {
  const seats = options.weights?.length ?? 1;
  const all = Array.from({ length: seats + (options.passive ?? 0) });
  const validators = all.map((_, i) => `v${i}`);
  const accounts = {
    ...Object.fromEntries(validators.map((name) => [`${name}-owner`, VALIDATOR_FUNDS])),
    ...Object.fromEntries(CLIENTS.map((name) => [name, CLIENT_FUNDS])),
    ...Object.fromEntries(PARTNERS.map((name) => [`${name}-owner`, PARTNER_FUNDS])),
  };
  const chain = await startChain({
    accounts,
    machines: Object.fromEntries(
      [...PARTNERS, ...validators].map((name) => [name, `${name}-owner`]),
    ),
    modules: (domain) => [marketModule(domain)],
    sections: { market: marketParams.toJson({ ...TEST_PARAMS, ...options.market }) },
    jobFile: { command: request.name, isOnChain: (state, id) => jobs.has(state, id) },
    ...options,
  });
  return new Market(chain);
}

/** A market in which a job of alice's runs with p0, from the first session on whose randomness is gathered. */
export async function runningJob(terms: Terms = {}, voucher: Voucher = {}) {
  const market = await startMarket();
  await market.chain.endSession();
  const job = await market.request('alice', terms);
  await market.start('alice', 'p0', job, voucher);
  return { market, chain: market.chain, job };
}

export class Market {
  readonly chain: Chain;

  constructor(chain: Chain) {
    this.chain = chain;
  }

  client(name: ClientName): Signer {
    return this.chain.account(name);
  }
  partner(name: PartnerName): Signer {
    return this.chain.machine(name);
  }
  /** The account that is paid for a partner's work. */
  owner(name: PartnerName): Signer {
    return this.chain.account(`${name}-owner`);
  }
  job(id: Uint8Array): Job {
    return jobs.need(this.chain.state, id);
  }
  agreement(id: Uint8Array, partner: PartnerName): Agreement {
    return agreements.need(this.chain.state, id, this.partner(partner).id);
  }
  agreementIfAny(id: Uint8Array, partner: PartnerName): Agreement | undefined {
    return agreements.get(this.chain.state, id, this.partner(partner).id);
  }
  /** The rows of a session's payout file. */
  rows(session: bigint): PayoutRow[] {
    return [...payoutRows.list(this.chain.state, session)].map(([, row]) => row);
  }
  /** All client money that the market holds. */
  get escrow(): bigint {
    return this.chain.free(ESCROW);
  }

  /** The fields of a request for one copy of the kit's content over three sessions. */
  terms(terms: Terms = {}) {
    return {
      utility: UTILITY.storage,
      subject: outline.contentId,
      size: BigInt(CONTENT.length),
      partners: 1,
      sessions: 3,
      maxRate: RATE,
      ...terms,
    };
  }

  async requestTx(client: ClientName, terms: Terms = {}): Promise<Uint8Array> {
    return this.chain.sign(this.client(client), request, this.terms(terms));
  }

  /** A job that stands in a block; answers with its id. */
  async request(client: ClientName, terms: Terms = {}): Promise<Uint8Array> {
    const tx = await this.requestTx(client, terms);
    await this.#mustRun(tx);
    return this.chain.idOf(tx);
  }

  /** A client's signature under a rate voucher. */
  async voucher(
    client: ClientName,
    partner: PartnerName,
    job: Uint8Array,
    { sequence = 1, rate = RATE, sessions = this.job(job).sessions }: Voucher = {},
  ) {
    const voucher = { job, partner: this.partner(partner).id, sequence, rate, sessions };
    const digest = digestOf(rateVoucher, voucher, this.chain.domain);
    const clientSignature = await this.client(client).sign(digest);
    return { job, sequence, rate, sessions, clientSignature };
  }

  async startTx(
    client: ClientName,
    partner: PartnerName,
    job: Uint8Array,
    voucher: Voucher = {},
  ): Promise<Uint8Array> {
    const fields = await this.voucher(client, partner, job, voucher);
    return this.chain.sign(this.partner(partner), start, fields);
  }

  /** The partner files the client's voucher: begins an agreement, or prolongs it. */
  async start(client: ClientName, partner: PartnerName, job: Uint8Array, voucher: Voucher = {}) {
    return this.#mustRun(await this.startTx(client, partner, job, voucher));
  }

  /** A client's signature under a usage voucher. */
  async usage(client: ClientName, partner: PartnerName, job: Uint8Array, usage: Usage = {}) {
    const terms = {
      sequence: 1,
      units: 0n,
      amount: 0n,
      timeMs: this.chain.timeMs,
      previous: new Uint8Array(32),
      ...usage,
    };
    const voucher = { job, partner: this.partner(partner).id, ...terms };
    const digest = digestOf(usageVoucher, voucher, this.chain.domain);
    return { job, ...terms, clientSignature: await this.client(client).sign(digest) };
  }

  async fileTx(
    client: ClientName,
    partner: PartnerName,
    job: Uint8Array,
    usage: Usage,
  ): Promise<Uint8Array> {
    const fields = await this.usage(client, partner, job, usage);
    return this.chain.sign(this.partner(partner), fileVoucher, fields);
  }

  /** The partner files a running total that the client signed. */
  async file(client: ClientName, partner: PartnerName, job: Uint8Array, usage: Usage) {
    return this.#mustRun(await this.fileTx(client, partner, job, usage));
  }

  /** The leaves that the running session asks for, proven from the content. */
  proofs(partner: PartnerName, job: Uint8Array): LeafProofs {
    const { randomness } = this.chain.session;
    const { size } = this.job(job);
    const samples = TEST_PARAMS.auditSamples;
    return this.proofsOf(challenge(randomness, job, this.partner(partner).id, size, samples));
  }

  /** Leaves of the kit's content with their paths. */
  proofsOf(leaves: readonly number[]): LeafProofs {
    return leaves.map((leaf) => {
      const group = Math.floor(leaf / GROUP_LEAVES);
      const bytes = CONTENT.subarray(group * GROUP_BYTES, (group + 1) * GROUP_BYTES);
      const [proof] = prover(group, bytes, [leaf])!;
      return { leafIndex: BigInt(leaf), leaf: proof!.leaf, path: [...proof!.path] };
    });
  }

  /** What an honest partner would answer now. */
  answerFields(partner: PartnerName, job: Uint8Array) {
    return { job, session: this.chain.session.number, proofs: this.proofs(partner, job) };
  }

  async answerTx(partner: PartnerName, job: Uint8Array): Promise<Uint8Array> {
    return this.chain.sign(this.partner(partner), answerAudit, this.answerFields(partner, job));
  }

  async answer(partner: PartnerName, job: Uint8Array): Promise<Block> {
    return this.#mustRun(await this.answerTx(partner, job));
  }

  /** A receipt that the partner signed, for the client to file; `use` is for what is not storage. */
  async partnerSigned(
    partner: PartnerName,
    job: Uint8Array,
    lastSession: bigint,
    sequence = 1,
    use: Use = {},
  ) {
    const ends = { job, partner: this.partner(partner).id, sequence, lastSession };
    const receipt = { ...storageReceipt(ends), ...use };
    const digest = digestOf(partnerReceipt, receipt, this.chain.domain);
    return { ...receipt, partnerSignature: await this.partner(partner).sign(digest) };
  }

  /** A receipt that the client signed, for the partner to file. */
  async clientSigned(
    client: ClientName,
    partner: PartnerName,
    job: Uint8Array,
    lastSession: bigint,
    sequence = 1,
    use: Use = {},
  ) {
    const ends = { job, partner: this.partner(partner).id, sequence, lastSession };
    const receipt = { ...storageReceipt(ends), ...use };
    const digest = digestOf(clientReceipt, receipt, this.chain.domain);
    const { partner: _, ...fields } = receipt;
    return { ...fields, clientSignature: await this.client(client).sign(digest) };
  }

  async complete(
    client: ClientName,
    partner: PartnerName,
    job: Uint8Array,
    lastSession: bigint,
    use?: Use,
    sequence = this.agreement(job, partner).sequence,
  ) {
    const fields = await this.partnerSigned(partner, job, lastSession, sequence, use);
    return this.chain.run(this.client(client), complete, fields);
  }

  async partnerComplete(
    client: ClientName,
    partner: PartnerName,
    job: Uint8Array,
    lastSession: bigint,
    use?: Use,
    sequence = this.agreement(job, partner).sequence,
  ) {
    const fields = await this.clientSigned(client, partner, job, lastSession, sequence, use);
    return this.chain.run(this.partner(partner), partnerComplete, fields);
  }

  async cancel(client: ClientName, job: Uint8Array): Promise<Block> {
    return this.chain.run(this.client(client), cancel, { job });
  }

  async renew(client: ClientName, job: Uint8Array, sessions: number): Promise<Block> {
    return this.chain.run(this.client(client), renew, { job, sessions });
  }

  /** A session in which these partners answer for the job. */
  async session(job: Uint8Array, ...answering: PartnerName[]): Promise<Block> {
    for (const partner of answering) await this.answer(partner, job);
    return this.chain.endSession();
  }

  /** What the chain says of a partner now. */
  standing(partner: PartnerName): StandingView {
    return this.standingOf(ROLE.partner, this.partner(partner).id);
  }
  clientStanding(client: ClientName): StandingView {
    return this.standingOf(ROLE.client, accountKey(this.client(client).id));
  }
  standingOf(role: Role, key: Uint8Array): StandingView {
    return this.ask(standingQuery, { role, key })!;
  }
  /** What the state of now answers. */
  ask<P, R>({ name }: QueryDeclaration<P, R>, params: P): R | undefined {
    const queries = marketModule(this.chain.domain).queries!;
    const handler = queries.find(({ declaration }) => declaration.name === name)!;
    return handler.run(this.chain.state, params) as R | undefined;
  }

  async postBond(partner: PartnerName, total: bigint): Promise<Block> {
    return this.chain.run(this.partner(partner), postBond, { total });
  }

  async #mustRun(tx: Uint8Array): Promise<Block> {
    const block = await this.chain.block([tx]);
    const [result] = block.results;
    if (result?.code !== 0) throw new Error(`${result?.info}: ${result?.codespace} ${result?.log}`);
    return block;
  }
}
