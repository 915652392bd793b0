/** Challenges of partners (P2V-1.G2) by the passive validators of a running node. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  catalogue,
  isRefusal,
  nodeSigner,
  open,
  signEnvelope,
  toHex,
  type ValueOf,
} from '@palisade/core';
import {
  challengeAnswer,
  FINDING,
  partnerChallenge,
  ROLE,
  reportChallenge,
  signOff,
  standingViewOf,
} from '@palisade/market';
import { afterEach, describe, expect, it } from 'vitest';
import { type Cleanup, startPool, type TestPool, TIMING, until } from '../../test/pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Partner = ReturnType<TestPool['partner']>;

/** A network whose passive validators challenge at once, and a partner with a bond. */
async function begin() {
  const pool = await startPool(cleanups, {
    pool: { ...TIMING, challengeSpreadMs: 0, challengeRetryMs: 0 },
  });
  await pool.produce();
  const partner = pool.partner(0);
  await partner.bond();
  return { pool, partner };
}

/** The next session begins, and its randomness is known. */
async function nextSession({ pool, partner }: Awaited<ReturnType<typeof begin>>, url: string) {
  pool.time.nowMs += 60_000;
  const { envelope } = await partner.ready({ url });
  await pool.produce(4);
  return envelope;
}

/** Blocks until both passive validators have challenged and reported whomever they were to. */
async function settled(pool: TestPool) {
  await until(async () => {
    await pool.produce();
    const pages = await Promise.all(pool.urls.slice(4).map((url) => pool.get('/status', url)));
    return pages.every(({ body }) => body.market!.challenging === 0);
  });
}

function standing(pool: TestPool, { key }: Partner) {
  return standingViewOf(pool.node.application.committed, ROLE.partner, key);
}

async function eventsOf(pool: TestPool, name: string) {
  const found: { readonly [key: string]: string }[] = [];
  const { height } = await pool.node.engine.status();
  for (let at = 1n; at <= height; at++)
    for (const { events } of (await pool.node.engine.blockResults(at))!.txResults)
      for (const { type, attributes } of events)
        if (type === name)
          found.push(Object.fromEntries(attributes.map(({ key, value }) => [key, value])));
  return found;
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Words = ValueOf<typeof challengeAnswer>;

/** A partner's endpoint; answers with its URL and how often it was asked. */
async function endpoint(
  { domain }: TestPool,
  { signer }: Partner,
  change: (words: Words) => Partial<Words> = () => ({}),
) {
  const asked = { times: 0 };
  const url = await serve(async (request, response) => {
    const parts: Uint8Array[] = [];
    for await (const part of request) parts.push(part as Uint8Array);
    const question = open(new Uint8Array(Buffer.concat(parts)), QUESTIONS, domain);
    if (isRefusal(question) || request.url !== '/v1/challenges') return response.destroy();
    const { session } = question.value as ValueOf<typeof partnerChallenge>;
    const room = { accepting: 1, freeBytes: 1n, freeSlots: 1 };
    const words = {
      challenge: question.id,
      session,
      validator: question.sender,
      ...room,
      proofs: [],
    };
    const said = { ...words, ...change(words) };
    asked.times++;
    return response.end(await signEnvelope(challengeAnswer, said, domain, signer));
  });
  return { url, asked };
}
const QUESTIONS = catalogue([partnerChallenge]);

describe('passive validators', () => {
  it('[P2V-1.G2] find out a partner that went dark: both, each by itself, after three tries', async () => {
    const scene = await begin();
    const { pool, partner } = scene;
    const { url, asked } = await endpoint(pool, partner);
    await nextSession(scene, url);
    await settled(pool);
    expect(asked.times, 'both have asked').toBe(2);
    expect(standing(pool, partner)).toMatchObject({ failuresInRow: 0, challengeFinding: 0 });
    // It says READY, and nobody is there.
    await nextSession(scene, 'http://127.0.0.1:1');
    await settled(pool);
    const doubted = await eventsOf(pool, 'market.challenge-doubted');
    const failed = await eventsOf(pool, 'market.challenge-failed');
    expect([doubted.length, failed.length]).toEqual([1, 1]);
    const passive = pool.network.validators
      .slice(4)
      .map(({ nodeSecret }) => nodeSigner(nodeSecret));
    const said = [doubted[0]!.validator, failed[0]!.validator].sort();
    expect(said).toEqual(passive.map(({ id }) => toHex(id)).sort());
    expect(standing(pool, partner)).toMatchObject({
      failuresInRow: 1,
      score: 317,
      challengeFinding: FINDING.unreachable,
    });
  });

  it('[P2V-1.G2] a partner that is up is not harmed by one of them that lies', async () => {
    const scene = await begin();
    const { pool, partner } = scene;
    const { url, asked } = await endpoint(pool, partner);
    const ready = await nextSession(scene, url);
    const { nodeSecret } = pool.network.validators[4]!;
    const { session } = (await pool.get('/status')).body;
    const lie = {
      session: BigInt(session!),
      partner: partner.key,
      finding: FINDING.unreachable,
      ready,
      answer: new Uint8Array(),
      nonce: 0n,
      maxFee: 10n ** 18n,
    };
    const tx = await signEnvelope(reportChallenge, lie, pool.domain, nodeSigner(nodeSecret));
    expect((await pool.post('/v1/transactions', tx)).status).toBe(202);
    await settled(pool);
    expect(asked.times).toBeGreaterThan(0);
    expect(await eventsOf(pool, 'market.challenge-doubted')).toHaveLength(1);
    expect(await eventsOf(pool, 'market.challenge-failed')).toEqual([]);
    expect(standing(pool, partner)).toMatchObject({ failuresInRow: 0, score: 444 });
  });

  it('[P2V-1.G2] take no answer to another question, nor another’s, for one', async () => {
    const scene = await begin();
    const { pool, partner } = scene;
    const lies: ((words: Words) => Partial<Words>)[] = [
      () => ({ challenge: new Uint8Array(32) }),
      () => ({ validator: new Uint8Array(32) }),
      ({ session }) => ({ session: session - 1n }),
    ];
    const liars = lies.map((lie) => endpoint(pool, partner, lie));
    for (const liar of [...liars, endpoint(pool, pool.partner(1))]) {
      await nextSession(scene, (await liar).url);
      await settled(pool);
      expect(standing(pool, partner)).toMatchObject({
        challengeFinding: FINDING.badAnswer,
        challengeSession: BigInt((await pool.get('/status')).body.session!),
      });
    }
  });

  it('[P2V-1.G2] follow no redirect, and read no more than an answer can have', async () => {
    const scene = await begin();
    const { pool, partner } = scene;
    const honest = await endpoint(pool, partner);
    let sent = 0;
    const urls = [
      await serve((_, response) => {
        response.writeHead(307, { location: `${honest.url}/v1/challenges` }).end();
      }),
      await serve((_, response) => {
        const more = () => {
          while (!response.destroyed && response.write(new Uint8Array(65_536))) sent += 65_536;
        };
        response.on('drain', more).on('error', () => {});
        more();
      }),
    ];
    for (const url of urls) {
      await nextSession(scene, url);
      await settled(pool);
      expect(standing(pool, partner).challengeFinding).toBe(FINDING.badAnswer);
    }
    expect(honest.asked.times).toBe(0);
    expect(sent).toBeLessThan(100 * 2 ** 20);
    expect(await eventsOf(pool, 'market.challenge-failed')).toHaveLength(2);
  });

  it('[P2V-7] do not report a partner that has signed off', async () => {
    const scene = await begin();
    const { pool, partner } = scene;
    await nextSession(scene, 'http://127.0.0.1:1');
    const last = { sequence: partner.next(), atMs: BigInt(pool.time.nowMs), reason: 'home' };
    await partner.say('/v1/partners/sign-off', signOff, last);
    await settled(pool);
    expect(await eventsOf(pool, 'market.challenge-doubted')).toEqual([]);
    expect(standing(pool, partner).failuresInRow).toBe(0);
  });

  it('[P2V-1.G2] free a contained partner with one success', async () => {
    const scene = await begin();
    const { pool, partner } = scene;
    for (let i = 0; i < 5; i++) {
      await nextSession(scene, 'http://127.0.0.1:1');
      await settled(pool);
    }
    expect(standing(pool, partner)).toMatchObject({ contained: 1, failuresInRow: 5 });
    const { url } = await endpoint(pool, partner);
    await nextSession(scene, url);
    await settled(pool);
    expect(await eventsOf(pool, 'market.challenge-passed')).toHaveLength(1);
    expect(standing(pool, partner)).toMatchObject({
      contained: 0,
      failuresInRow: 0,
      challengeFinding: FINDING.passed,
    });
  });
});
