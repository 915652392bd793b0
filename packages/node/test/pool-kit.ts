/**
 * A node with all its validators and blocks on demand, a clock that tests move, and clients and
 * partners whose words are single calls. Nothing listens for the partners: what is not about their
 * content needs no partner daemon.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  accountSigner,
  catalogue,
  type Declaration,
  fromHex,
  isRefusal,
  nodeSigner,
  open,
  signEnvelope,
  toHex,
  type ValueOf,
  verifyOpened,
} from '@palisade/core';
import { postBond, ready, request, responsibleFor, subscribe } from '@palisade/market';
import { makeNetwork } from '../../devnet/src/network.ts';
import type { NodeOptions } from '../src/options.ts';
import { startTestNode } from './test-node.ts';

export const TIMING = {
  stillActiveMs: 30_000,
  cooldownMs: 3000,
  // Challenges come when a story asks for them: most of its partners listen nowhere.
  challengeSpreadMs: 3_600_000,
  challengeRetryMs: 1000,
  evidenceSessions: 3,
};
export const MIB = 1024n * 1024n;
const ACTIVE = 4;

export type Cleanup = () => Promise<unknown>;
/** What validators answer: every field that some answer has. */
export type Body = {
  readonly error?: {
    readonly code: string;
    readonly next?: string;
    readonly data?: { readonly [name: string]: unknown };
  };
  readonly job?: string;
  readonly confirmation?: string;
  readonly acknowledgement?: string;
  readonly answer?: string;
  readonly notices?: readonly string[];
  readonly match?: string;
  readonly partners?: readonly { readonly nodeKey: string; readonly rttMs: number | null }[];
  readonly session?: string;
  readonly height?: string;
  readonly market?: { readonly [name: string]: unknown };
  readonly state?: string;
  readonly jobs?: number;
  readonly root?: string | null;
  readonly requests?: readonly string[];
  readonly proof?: { readonly value: string; readonly proofOps: readonly unknown[] };
};
export type Answer = { readonly status: number; readonly body: Body };

export type TestPool = Awaited<ReturnType<typeof startPool>>;

export async function startPool(cleanups: Cleanup[], more: Partial<NodeOptions> = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'palisade-pool-'));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const time = { nowMs: Date.now() };
  const network = makeNetwork('pool-test', time.nowMs, {
    blockTimeMs: 1000,
    sessionMs: 60_000,
    guardMs: 150,
  });
  const { node, stop } = await startTestNode(network, {
    dataDir,
    pool: TIMING,
    clock: { nowMs: () => time.nowMs },
    ...more,
  });
  cleanups.push(stop);
  const { domain, urls } = node;
  const client = accountSigner(network.clientSecret);
  let nonce = 0n;

  async function post(path: string, body: Uint8Array, at = urls[0]!): Promise<Answer> {
    const answer = await fetch(at + path, {
      method: 'POST',
      body: body as Uint8Array<ArrayBuffer>,
    });
    return { status: answer.status, body: (await answer.json()) as Body };
  }
  async function get(path: string, at = urls[0]!): Promise<Answer> {
    const answer = await fetch(at + path);
    return { status: answer.status, body: (await answer.json()) as Body };
  }

  return {
    node,
    domain,
    urls,
    time,
    network,
    client,
    post,
    get,
    stop,
    /** Sends a job request; answers with the validator's answer and the envelope. */
    async ask(more: Partial<ValueOf<typeof request>> = {}) {
      const value = {
        utility: 1,
        subject: new Uint8Array(32).fill(Number(nonce) + 1),
        size: MIB,
        partners: 1,
        sessions: 2,
        maxRate: 100n,
        nonce: nonce++,
        maxFee: 10n ** 18n,
        ...more,
      };
      const envelope = await signEnvelope(request, value, domain, client);
      return { ...(await post('/v1/jobs', envelope)), envelope };
    },
    /** A job on the chain; its id. */
    async job(more: Partial<ValueOf<typeof request>> = {}): Promise<string> {
      const { body } = await this.ask(more);
      for (let i = 0; i < 2; i++) await node.engine.produce();
      await until(async () => (await get(`/v1/query/market.job?id=${body.job}`)).status === 200);
      return body.job!;
    },
    async produce(blocks = 1) {
      for (let i = 0; i < blocks; i++) await node.engine.produce();
      await node.settled();
    },
    partner: (number: number) => partnerOf(number),
    /** Base URLs of active validators: those that answer for a partner now, and the others. */
    async answering(partner: Uint8Array) {
      const keys = network.validators.map(({ nodeSecret }) => nodeSigner(nodeSecret).id);
      const session = BigInt((await get('/status')).body.session!);
      const active = keys.slice(0, ACTIVE);
      const chosen = responsibleFor(partner, session, active).map(toHex);
      const answers = (i: number) => chosen.includes(toHex(active[i]!));
      const places = active.map((_, i) => i);
      return {
        responsible: places.filter(answers).map((i) => urls[i]!),
        others: places.filter((i) => !answers(i)).map((i) => urls[i]!),
      };
    },
  };

  function partnerOf(number: number) {
    const signer = nodeSigner(network.partners[number]!.nodeSecret);
    let sequence = 0n;
    const sign = <T>(declaration: Declaration<T>, value: T) =>
      signEnvelope(declaration, value, domain, signer);
    return {
      signer,
      key: signer.id,
      sign,
      next: () => ++sequence,
      async ready(change: Partial<ValueOf<typeof ready>> = {}, at = urls[0]!) {
        const envelope = await sign(ready, {
          sequence: ++sequence,
          atMs: BigInt(time.nowMs),
          expiresMs: BigInt(time.nowMs + 60_000),
          url: 'http://127.0.0.1:1',
          utility: 1,
          price: 10n,
          maxSize: 100n * MIB,
          maxSessions: 10,
          freeBytes: 10n * MIB,
          freeSlots: 4,
          direct: 0,
          accepting: 1,
          reason: '',
          ...change,
        });
        return { ...(await post('/v1/partners', envelope, at)), envelope };
      },
      /** Posts the bond that the chain wants of a newcomer. */
      async bond() {
        const value = { total: 4n * 10n ** 18n, nonce: 0n, maxFee: 10n ** 18n };
        const { status } = await post('/v1/transactions', await sign(postBond, value));
        if (status !== 202) throw new Error(`the bond was answered with ${status}`);
        await node.engine.produce();
        await node.engine.produce();
      },
      /** Opens its stream of notices. */
      async listen(at = urls[0]!) {
        const asked = await sign(subscribe, { atMs: BigInt(time.nowMs) });
        return listen(`${at}/v1/notices?subscribe=${toHex(asked)}`);
      },
      async say<T>(path: string, declaration: Declaration<T>, value: T, at = urls[0]!) {
        return post(path, await sign(declaration, value), at);
      },
    };
  }
}

/** Opens a validator's word, which must be signed by it. */
export function word<T>(
  declaration: Declaration<T>,
  hex: string,
  domain: TestPool['domain'],
): { readonly sender: Uint8Array; readonly value: T } {
  const opened = open(fromHex(hex), catalogue([declaration as Declaration]), domain);
  if (isRefusal(opened)) throw new Error(opened.message);
  const wrong = verifyOpened(opened);
  if (wrong) throw new Error(wrong.message);
  return { sender: opened.sender, value: opened.value as T };
}

export type Heard = {
  readonly event: string;
  readonly data: {
    readonly message?: string;
    readonly ready?: string;
    readonly rate?: string;
    readonly direct?: boolean;
    readonly partner?: string;
    readonly freeSlots?: number;
    readonly lastSeenMs?: number;
    readonly standing?: { readonly score: number };
  };
};

/** Reads a stream of events until `stop`. */
export async function listen(url: string) {
  const life = new AbortController();
  const answer = await fetch(url, { signal: life.signal });
  const heard: Heard[] = [];
  const reading = (async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(part, { stream: true });
      const events = text.split('\n\n');
      text = events.pop()!;
      for (const each of events) {
        const found = /^event: (.*)\ndata: (.*)$/m.exec(each);
        if (found) heard.push({ event: found[1]!, data: JSON.parse(found[2]!) });
      }
    }
  })().catch(() => {}); // ended by `stop`
  return {
    status: answer.status,
    heard,
    stop: async () => {
      life.abort();
      await reading;
    },
  };
}

export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await isSo()); ) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
