/** A complaint from silence to verdict, with real validators and a real partner. */
import { nodeSigner, toHex } from '@palisade/core';
import { ROLE, responsibleFor, standingQuery } from '@palisade/market/schema';
import { afterEach, expect, it } from 'vitest';
import {
  type Cleanup,
  contentOf,
  type Pool,
  partnerKey,
  QUICK,
  sessionsUntil,
  startPool,
  startTestPartner,
  until,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Blocks in which whoever could rebut has done so: the notice is looked up as soon as the complaint is seen. */
const REBUTTAL_BLOCKS = 10n;

/** A stream of notices as a validator serves it that says nothing of jobs. */
function withoutNotices(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let text = '';
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(part, controller) {
        const events = (text + decoder.decode(part, { stream: true })).split('\n\n');
        text = events.pop()!;
        for (const each of events)
          if (!each.includes('event: notice')) controller.enqueue(encoder.encode(`${each}\n\n`));
      },
    }),
  );
}

/** To this partner, no validator ever tells of a job. */
async function silentFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const answer = await fetch(input, init);
  if (!String(input).includes('/v1/notices?') || !answer.body) return answer;
  const { status, headers } = answer;
  return new Response(withoutNotices(answer.body), { status, headers });
}

/** Events of one name, up to the running block. */
async function eventsOf({ node }: Pool, name: string) {
  const found: Record<string, string>[] = [];
  const { height } = await node.engine.status();
  for (let at = 1n; at <= height; at++) {
    const { events, txResults } = (await node.engine.blockResults(at))!;
    for (const { type, attributes } of [...events, ...txResults.flatMap((one) => one.events)])
      if (type === name)
        found.push(Object.fromEntries(attributes.map(({ key, value }) => [key, value])));
  }
  return found;
}

it('[P2V-2.G1] the censored partner: its daemon complains of both that answer for it and never notify it; they cannot rebut, and pay with their standing', async () => {
  const pool = await startPool(cleanups, { ...QUICK, sessionMs: 4000 });
  const key = partnerKey(pool);
  await startTestPartner(pool, cleanups, {
    environment: { fetch: silentFetch },
    config: { timing: { complainMs: 2200 } },
  });
  await until(async () => (await pool.chain.partners()).length === 1, { what: 'a READY' });
  const job = await pool.client.request(contentOf(10));
  await until(async () => (await eventsOf(pool, 'market.complaint-filed')).length === 2, {
    what: 'a complaint about each of the two',
  });
  const filed = await eventsOf(pool, 'market.complaint-filed');
  const { job: record } = (await pool.chain.job(job))!;
  const active = pool.network.validators.slice(0, 4);
  const keys = active.map(({ nodeSecret }) => nodeSigner(nodeSecret).id);
  const responsible = responsibleFor(key, record.session, keys).map(toHex);
  expect(filed.map(({ validator }) => validator).sort()).toEqual([...responsible].sort());
  expect(filed.every((each) => each.job === toHex(job))).toBe(true);
  const { height: rebuttable } = await pool.chain.status();
  await sessionsUntil(
    pool,
    async () => (await eventsOf(pool, 'market.complaint-upheld')).length === 2,
    {
      what: 'the verdict',
      live: [0],
      mayEnd: async () => (await pool.chain.status()).height >= rebuttable + REBUTTAL_BLOCKS,
    },
  );
  expect(await eventsOf(pool, 'market.complaint-dismissed')).toEqual([]);
  for (const validator of keys) {
    const { failuresInRow } = await pool.chain.query(standingQuery, {
      role: ROLE.validator,
      key: validator,
    });
    expect(failuresInRow).toBe(responsible.includes(toHex(validator)) ? 1 : 0);
  }
});
