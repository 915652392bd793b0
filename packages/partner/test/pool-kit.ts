/**
 * A pool for tests: the real node with its validators in this process, with quick blocks and short
 * sessions, a partner beside it, and a client whose steps are single calls. Lies are told by signing
 * something else with `sign`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChainClient, connect } from '@palisade/client';
import {
  accountSigner,
  type ContentDescription,
  catalogue,
  type Declaration,
  describeContent,
  fromHex,
  isRefusal,
  open,
  type Signer,
  signEnvelope,
  toHex,
  type ValueOf,
  verifyOpened,
} from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { type MarketParams, marketParams } from '@palisade/market';
import {
  type Agreement,
  accept,
  auditDueQuery,
  clientReceipt,
  jobQuery,
  offer,
  partnerReceipt,
  rateFor,
  rateVoucher,
  request,
  storageReceipt,
} from '@palisade/market/schema';
import { type SectorsParams, sectorsParams } from '@palisade/power';
import { FairClock } from '../../client/test/fair-clock.ts';
import { makeNetwork, type Timing } from '../../devnet/src/network.ts';
import { startTestNode } from '../../node/test/test-node.ts';
import { agreementOf } from '../src/agreements/check-voucher.ts';
import {
  DEVELOPMENT_TIMING,
  type PartnerOptions,
  type RunningPartner,
  startPartner,
} from '../src/index.ts';

export const MIB = 2 ** 20;
export const PRICE = 10n ** 12n;
/** Quick blocks and sessions: a story of three sessions takes some ten seconds. */
export const QUICK: Timing = { blockTimeMs: 60, sessionMs: 3000, guardMs: 10 };

/** Challenges come when a story asks for them: it may be about a partner that is away. */
const POOL_TIMING = {
  stillActiveMs: 3000,
  cooldownMs: 50,
  challengeSpreadMs: 3_600_000,
  challengeRetryMs: 100,
  evidenceSessions: 3,
};

export type Cleanup = () => Promise<unknown>;

export async function tempFolder(cleanups: Cleanup[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'palisade-partner-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export type TestContent = ContentDescription & { readonly bytes: Uint8Array };

/** Bytes that differ from leaf to leaf and from seed to seed, with their id and outline. */
export function contentOf(size: number, seed = 1): TestContent {
  const bytes = new Uint8Array(size);
  for (let i = 0, state = Math.imul(seed, 0x9e3779b1) | 1; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return { ...describeContent([bytes]), bytes };
}

export type Pool = Awaited<ReturnType<typeof startPool>>;

/** Starts validators; give `cleanups` back in reverse order. */
export async function startPool(
  cleanups: Cleanup[],
  timing = QUICK,
  more: {
    pool?: Partial<typeof POOL_TIMING>;
    sectors?: Partial<SectorsParams>;
    /** Whether partners have processes of their own, and with them the machine's clock. */
    hasProcesses?: boolean;
    /** Changes the market's parameters. */
    market?: (params: MarketParams) => MarketParams;
  } = {},
) {
  const dataDir = await tempFolder(cleanups);
  const clock = new FairClock(more.hasProcesses ? Number.POSITIVE_INFINITY : undefined);
  cleanups.push(async () => clock.stop());
  const network = makeNetwork('partner-test', clock.nowMs() - 1000, timing);
  if (more.market) {
    const { state } = network.genesis;
    const params = more.market(marketParams.fromJson(state.market!, 'market'));
    Object.assign(state, { market: marketParams.toJson(params) });
  }
  if (more.sectors) {
    const { state } = network.genesis;
    const params = sectorsParams.fromJson(state.sectors!, 'sectors');
    Object.assign(state, { sectors: sectorsParams.toJson({ ...params, ...more.sectors }) });
  }
  const { node, stop } = await startTestNode(network, {
    dataDir,
    blockTimeMs: timing.blockTimeMs,
    guardMs: timing.guardMs,
    pool: { ...POOL_TIMING, ...more.pool },
    faucetSecret: network.faucetSecret,
    clock,
  });
  cleanups.push(stop);
  const { domain, urls } = node;
  const chain = connect({ urls, environment: clock.environment });
  return {
    network,
    urls,
    domain,
    chain,
    node,
    clock,
    client: clientOf(chain, urls, accountSigner(network.clientSecret)),
  };
}

/** A partner of the pool, `number` from 0; its data folder outlives it unless the test ends. */
export async function startTestPartner(
  pool: Pool,
  cleanups: Cleanup[],
  { number = 0, ...more }: Partial<PartnerOptions> & { number?: number } = {},
): Promise<RunningPartner & { readonly dataDir: string }> {
  const dataDir = more.dataDir ?? (await tempFolder(cleanups));
  const partner = await startPartner({
    nodeSecret: pool.network.partners[number]!.nodeSecret,
    validators: pool.urls,
    processMetrics: false,
    clock: pool.clock,
    ...more,
    environment: { ...pool.clock.environment, ...more.environment },
    dataDir,
    config: {
      partner: { price: PRICE, quotaBytes: 256 * MIB, reserveBytes: 0, ...more.config?.partner },
      compute: more.config?.compute ?? {},
      access: more.config?.access ?? {},
      mining: more.config?.mining ?? {},
      timing: {
        ...DEVELOPMENT_TIMING,
        stillActiveMs: 1000,
        cooldownMs: 50,
        retryMs: 50,
        inclusionMs: 1500,
        pollMs: 500,
        // Few partners, which may all answer at once.
        auditSpreadPpm: 1000,
        ...more.config?.timing,
      },
    },
  });
  cleanups.push(() => partner.stop());
  return { ...partner, dataDir };
}

export const partnerKey = (pool: Pick<Pool, 'network'>, number = 0) =>
  ed25519.publicKey(pool.network.partners[number]!.nodeSecret);

export type TestClient = ReturnType<typeof clientOf>;

function clientOf(chain: ChainClient, urls: readonly string[], signer: Signer) {
  const sign = async <T>(declaration: Declaration<T>, value: T) =>
    signEnvelope(declaration, value, await chain.domain(), signer);
  return {
    signer,
    sign,
    /** A job on chain. */
    async request(
      content: ContentDescription,
      terms: { sessions?: number; partners?: number; maxRate?: bigint } = {},
    ) {
      const size = BigInt(content.size);
      const maxRate = terms.maxRate ?? rateFor(PRICE, size);
      const fields = {
        utility: 1,
        subject: content.contentId,
        size,
        partners: terms.partners ?? 1,
        sessions: terms.sessions ?? 2,
        maxRate,
      };
      const posted = await chain.post(request, fields, signer, {}, (envelope) =>
        post(`${urls[0]}/v1/jobs`, envelope),
      );
      await until(async () => (await chain.find(jobQuery, { id: posted.id })) !== undefined);
      return posted.id;
    },
    /** The first offer for a job. */
    async offerFor(job: Uint8Array): Promise<ValueOf<typeof offer> & { partner: Uint8Array }> {
      const domain = await chain.domain();
      const response = await fetch(`${urls[0]}/v1/jobs/${toHex(job)}/offers?limit=1`);
      const text = await response.text();
      const hex = /"offer":"(0x[0-9a-f]+)"/.exec(text)?.[1];
      if (!hex) throw new Error(`no offer: ${text}`);
      const opened = open(fromHex(hex), catalogue([offer]), domain);
      if (isRefusal(opened) || verifyOpened(opened)) throw new Error('a void offer');
      return { ...(opened.value as ValueOf<typeof offer>), partner: opened.sender };
    },
    async accept(job: Uint8Array, partner: Uint8Array, rate: bigint) {
      return post(
        `${urls[0]}/v1/jobs/${toHex(job)}/accept`,
        await sign(accept, { job, partner, rate }),
      );
    },
    voucher(
      job: Uint8Array,
      partner: Uint8Array,
      terms: { sequence?: number; rate: bigint; sessions?: number },
    ) {
      return sign(rateVoucher, { job, partner, sequence: 1, sessions: 2, ...terms });
    },
    receipt(job: Uint8Array, partner: Uint8Array, lastSession: bigint, sequence = 1) {
      return sign(clientReceipt, storageReceipt({ job, partner, sequence, lastSession }));
    },
  };
}

export type Answer = { readonly status: number; readonly json: Record<string, unknown> };

/** Sends bytes; answers with status and JSON, whatever they are. */
export async function send(method: string, url: string, body?: Uint8Array): Promise<Answer> {
  const response = await fetch(url, {
    method,
    ...(body ? { body: body as Uint8Array<ArrayBuffer> } : {}),
    headers: { 'content-type': 'application/octet-stream' },
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

/** As `send`, for what must not be refused. */
export async function post(url: string, body: Uint8Array): Promise<Record<string, unknown>> {
  const { status, json } = await send('POST', url, body);
  if (status >= 300) throw new Error(`${status}: ${JSON.stringify(json)}`);
  return json;
}

export const errorCode = ({ json }: Answer) => (json.error as { code?: string } | undefined)?.code;

/** Hands a voucher and all bytes to a partner; answers with the last state. */
export async function upload(
  url: string,
  job: Uint8Array,
  voucher: Uint8Array,
  content: TestContent,
  { outline = true } = {},
): Promise<Answer> {
  const begun = await send('POST', `${url}/v1/agreements`, voucher);
  if (begun.status !== 201 || begun.json.state !== 'upload') return begun;
  if (outline) await send('PUT', `${url}/v1/agreements/${toHex(job)}/outline`, content.roots);
  const from = Number(begun.json.offset);
  return send(
    'PUT',
    `${url}/v1/agreements/${toHex(job)}/content?offset=${from}`,
    content.bytes.subarray(from),
  );
}

export async function agreementOnChain(
  { chain }: Pool,
  job: Uint8Array,
  partner: Uint8Array,
): Promise<Agreement | undefined> {
  const view = await chain.find(jobQuery, { id: job });
  return view && agreementOf(view, partner);
}

/** What is waited for, in words, and how long, ms. */
export type Patience = { readonly what?: string | (() => string); readonly withinMs?: number };
/** Far longer than anything takes: only what never comes must end, ms. */
const PATIENCE_MS = 180_000;

/** Waits until something is so; fails with `what` when it is not after a while. */
export async function until(
  isSo: () => Promise<boolean> | boolean,
  { what = 'it', withinMs = PATIENCE_MS }: Patience = {},
): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await isSo())) {
    const named = typeof what === 'string' ? what : what();
    if (Date.now() > end) throw new Error(`${named} did not happen within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Blocks after the randomness of a session within which whoever is to answer has heard of it. */
const ANSWER_BLOCKS = 3n;

/** More sessions than any story has: what has not come by then never does. */
const MOST_SESSIONS = 40;

export type Living = Patience & {
  /** Numbers of partners that answer what they are asked; all, unless some are away. */
  readonly live?: readonly number[];
  /** What must be done as well before a session may end. */
  readonly mayEnd?: () => Promise<boolean>;
};

/** Lets sessions end until something is so: each as soon as all is done in it, or in its own time. */
export async function sessionsUntil(
  pool: Pool,
  isSo: () => Promise<boolean>,
  { live = [...pool.network.partners.keys()], mayEnd, ...patience }: Living = {},
): Promise<void> {
  const { chain, clock } = pool;
  let isReached = false;
  const look = async () => {
    isReached = await isSo();
    return isReached;
  };
  for (let sessions = 0; sessions < MOST_SESSIONS; sessions++) {
    const { number, startMs } = await chain.session();
    const isOver = async () => (await look()) || (await chain.session()).number > number;
    const isDone = async () => (await isAnswered(pool, live)) && (await mayEnd?.()) !== false;
    await until(async () => (await isOver()) || (await isDone()), patience);
    if (isReached) return;
    clock.moveTo(Number(startMs + (await chain.params()).sessionMs));
    await until(isOver, patience);
    if (isReached) return;
  }
  throw new Error(`it did not happen in ${MOST_SESSIONS} sessions`);
}

/** Whether these partners have nothing left to answer in the running session. */
async function isAnswered({ chain, ...pool }: Pool, live: readonly number[]): Promise<boolean> {
  const { number, randomnessHeight } = await chain.session();
  const { height } = await chain.status();
  if (randomnessHeight === 0n || height < randomnessHeight + ANSWER_BLOCKS) return false;
  for (const partner of live.map((i) => partnerKey(pool, i))) {
    const { jobs } = await chain.query(auditDueQuery, { session: number, partner });
    if (jobs.length > 0) return false;
  }
  return true;
}

/** The partner's signature under a receipt, checked. */
export async function openPartnerReceipt({ domain }: Pool, hex: unknown) {
  const opened = open(fromHex(String(hex)), catalogue([partnerReceipt]), domain);
  if (isRefusal(opened) || verifyOpened(opened)) throw new Error('a void receipt');
  return { ...(opened.value as ValueOf<typeof partnerReceipt>), signer: opened.sender };
}
