/** Challenges by passive validators (P2V-1.G2): real validators, real partners, on real time. */
import { rm } from 'node:fs/promises';
import { createServer, connect as dial, type Socket } from 'node:net';
import { join } from 'node:path';
import { nodeSigner, signEnvelope, toHex } from '@palisade/core';
import {
  FINDING,
  type MarketParams,
  partnerChallenge,
  ROLE,
  standingQuery,
} from '@palisade/market/schema';
import { afterEach, describe, expect, it } from 'vitest';
import {
  agreementOnChain,
  type Cleanup,
  contentOf,
  errorCode,
  MIB,
  type Pool,
  PRICE,
  partnerKey,
  QUICK,
  send,
  startPool,
  startTestPartner,
  until,
  upload,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Sessions in which there is time for three tries. */
const SHORT = { ...QUICK, sessionMs: 1500 };
/** Validators that challenge at once, and try again soon. */
const EAGER = { pool: { challengeSpreadMs: 0, challengeRetryMs: 50 } };

const standingOf = ({ chain }: Pool, key: Uint8Array) =>
  chain.query(standingQuery, { role: ROLE.partner, key });

/** A line to a partner that can be cut. */
async function line() {
  const open = new Set<Socket>();
  const state = { isUp: true, port: 0 };
  const server = createServer((socket) => {
    open.add(socket.on('close', () => open.delete(socket)).on('error', () => {}));
    if (!state.isUp) return socket.destroy();
    const other = dial(state.port, '127.0.0.1').on('error', () => socket.destroy());
    return socket.pipe(other).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  cleanups.push(() => {
    cut();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  const set = (isUp: boolean) => {
    state.isUp = isUp;
    if (!isUp) cut();
  };
  const to = (partner: string) => {
    state.port = Number(new URL(partner).port);
  };
  return { url, set, to };
}

/** How often validators found something: `finding="…"`. */
async function found({ urls }: Pool, finding: string): Promise<number> {
  const metrics = await (await fetch(`${urls[0]}/metrics`)).text();
  const line = metrics.split('\n').find((each) => each.includes(`finding="${finding}"} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

describe('a partner that is challenged', () => {
  it('[P2V-1.G2] went dark and is found out by two; back again, it gets out by one success', async () => {
    const market = (params: MarketParams) => ({
      ...params,
      standing: { ...params.standing, failuresToContain: 1 },
    });
    const pool = await startPool(cleanups, SHORT, { ...EAGER, market });
    const key = partnerKey(pool);
    const { url, set, to } = await line();
    const partner = await startTestPartner(pool, cleanups, { publicUrl: url });
    to(partner.url);
    await until(async () => (await found(pool, 'passed')) >= 2, { what: 'two successes' });
    expect(await standingOf(pool, key)).toMatchObject({ failuresInRow: 0, challengeFinding: 0 });
    set(false);
    await until(async () => (await standingOf(pool, key)).contained === 1, {
      what: 'a failure that both found',
    });
    expect(await standingOf(pool, key)).toMatchObject({ challengeFinding: FINDING.unreachable });
    set(true);
    await until(async () => (await standingOf(pool, key)).contained === 0, {
      what: 'the end of its containment',
    });
    expect(await standingOf(pool, key)).toMatchObject({ challengeFinding: FINDING.passed });
  });

  it('[P2V-1.G2] shows leaves of what it is paid to keep, and cannot once it is gone', async () => {
    const pool = await startPool(cleanups, QUICK, EAGER);
    const key = partnerKey(pool);
    const partner = await startTestPartner(pool, cleanups);
    const content = contentOf(3 * MIB, 1);
    const job = await pool.client.request(content, { sessions: 9 });
    const voucher = await pool.client.voucher(job, key, { rate: 3n * PRICE, sessions: 9 });
    await upload(partner.url, job, voucher, content);
    await until(async () => ((await agreementOnChain(pool, job, key))?.answered ?? 0) > 0, {
      what: 'an answered audit',
    });
    const before = await found(pool, 'passed');
    await until(async () => (await found(pool, 'passed')) >= before + 2, { what: 'two more' });
    expect(await standingOf(pool, key)).toMatchObject({ challengeFinding: 0 });
    const id = toHex(content.contentId).slice(2);
    await rm(join(partner.dataDir, 'content/contents', id.slice(0, 2), id, 'data'));
    await until(async () => (await standingOf(pool, key)).challengeFinding !== 0, {
      what: 'a failure that both found',
    });
    expect(await found(pool, 'unreachable')).toBe(0);
  });

  it('[P2V-1.G2] answers validators that it knows, for itself, and nobody else', async () => {
    const pool = await startPool(cleanups);
    const partner = await startTestPartner(pool, cleanups);
    const ask = async (secret: Uint8Array, more = {}) => {
      const words = {
        session: 0n,
        partner: partner.nodeKey,
        nonce: new Uint8Array(32),
        job: new Uint8Array(32),
        leaves: [],
        ...more,
      };
      const signer = nodeSigner(secret);
      const envelope = await signEnvelope(partnerChallenge, words, pool.domain, signer);
      return fetch(`${partner.url}/v1/challenges`, {
        method: 'POST',
        body: envelope as Uint8Array<ArrayBuffer>,
      });
    };
    const codeOf = async (answer: Promise<Response>) =>
      ((await (await answer).json()) as { error: { code: string } }).error.code;
    const validator = pool.network.validators[5]!.nodeSecret;
    await until(async () => (await ask(validator)).status === 200, { what: 'an answer' });
    const stranger = pool.network.partners[3]!.nodeSecret;
    expect(await codeOf(ask(stranger))).toBe('partner/unknown-validator');
    const other = { partner: partnerKey(pool, 1) };
    expect(await codeOf(ask(validator, other))).toBe('partner/other-partner');
    expect(await codeOf(ask(validator, { leaves: [0n] }))).toBe('partner/no-agreement');
    const nonsense = await send('POST', `${partner.url}/v1/challenges`, new Uint8Array(100));
    expect([nonsense.status, errorCode(nonsense)]).toEqual([
      400,
      expect.stringMatching(/^envelope/),
    ]);
  });
});
