/** Payout files that validators let go of: real validators, real partners; sessions end when all is done. */
import { connect } from '@palisade/client';
import { equalBytes, toHex } from '@palisade/core';
import {
  AGREEMENT_STATE,
  archiveCallsQuery,
  jobQuery,
  type MarketParams,
  payoutQuery,
  rateFor,
} from '@palisade/market/schema';
import { afterEach, describe, expect, it } from 'vitest';
import {
  agreementOnChain,
  type Cleanup,
  contentOf,
  type Pool,
  PRICE,
  partnerKey,
  QUICK,
  sessionsUntil,
  startPool,
  startTestPartner,
  until,
  upload,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Long enough for a busy machine; nobody waits for their ends. */
const TIMING = { ...QUICK, sessionMs: 300_000 };
const NUMBERS = [0, 1, 2] as const;
const ZERO = new Uint8Array(32);
/** Sessions. */
const MARKET_TERM = 4;
const MARKET = (params: MarketParams): MarketParams => ({
  ...params,
  missesToLose: 1,
  archive: { ...params.archive, retentionSessions: 1, copies: 2, termSessions: MARKET_TERM },
});

/** A client's file at all partners for long: what earns rows, and shows whom the chain can draw. Answers with the first session that counts for all. */
async function storeAtAll(pool: Pool, urls: readonly string[]): Promise<bigint> {
  const { client } = pool;
  const content = contentOf(5000);
  const rate = rateFor(PRICE, BigInt(content.size));
  const job = await client.request(content, { partners: urls.length, sessions: 60, maxRate: rate });
  for (const [number, url] of urls.entries()) {
    const voucher = await client.voucher(job, partnerKey(pool, number), { rate, sessions: 60 });
    await upload(url, job, voucher, content);
  }
  const { chain } = pool;
  const view = () => chain.query(jobQuery, { id: job });
  await until(async () => (await view()).job.active === urls.length);
  const firsts = (await view()).agreements.map(({ agreement }) => Number(agreement.firstSession));
  return BigInt(Math.max(...firsts));
}

/** Numbers of the partners that have proven the file of a session and go on. */
async function keepersOf(pool: Pool, archive: Uint8Array): Promise<number[]> {
  const view = await pool.chain.query(jobQuery, { id: archive });
  return NUMBERS.filter((number) =>
    view.agreements.some(
      ({ partner, agreement: { state, answered } }) =>
        equalBytes(partner, partnerKey(pool, number)) &&
        state === AGREEMENT_STATE.active &&
        answered > 0,
    ),
  );
}

/** Lets the running session end once these partners have taken and proven what they are to. */
async function endSession(pool: Pool, live: readonly number[]) {
  const { chain } = pool;
  const mayEnd = async () => {
    for (const partner of live.map((one) => partnerKey(pool, one))) {
      const { calls } = await chain.query(archiveCallsQuery, { partner });
      for (const { job } of calls) if (!(await agreementOnChain(pool, job, partner))) return false;
    }
    return true;
  };
  const { number } = await chain.session();
  await sessionsUntil(pool, async () => (await chain.session()).number > number, { live, mayEnd });
  // Their READYs were of the time before: nobody finds them until they have said it again.
  await until(async () => (await chain.partners()).length === live.length);
}

describe('a payout file', () => {
  it('[V2V-5] moves to partners, is read from them as it was, and outlives the loss of one', async () => {
    const pool = await startPool(cleanups, TIMING, { market: MARKET });
    const { chain } = pool;
    const start = (number: number) => startTestPartner(pool, cleanups, { number });
    const partners = await Promise.all(NUMBERS.map(start));
    const urls = partners.map(({ url }) => url);
    const session = await storeAtAll(pool, urls);
    const page = () => chain.query(payoutQuery, { session, after: ZERO });

    while ((await chain.session()).number <= session) await endSession(pool, NUMBERS);
    const before = (await chain.payout(session))!;
    expect(before.rows).toHaveLength(3);
    // It goes with the session behind the one in which its keepers began; that may be one later on a busy machine.
    for (let i = 0; i < 4 && (await page()).rows.length > 0; i++) await endSession(pool, NUMBERS);
    const { archive } = await page();
    expect((await page()).rows).toEqual([]);
    expect((await fetch(`${pool.urls[0]}/v1/payout-files/${session}`)).status).toBe(410);
    expect(await chain.payout(session)).toEqual({ ...before, archive });

    const keeping = await keepersOf(pool, archive);
    const [lost, stayed] = keeping;
    const third = NUMBERS.find((number) => !keeping.includes(number));
    await partners[lost!]!.stop();
    const left = NUMBERS.filter((number) => number !== lost);
    // It may have answered in this session before it went: then it is missed in the next one.
    const keepers = [stayed!, third!].sort();
    for (let i = 0; i < 3 && `${await keepersOf(pool, archive)}` !== `${keepers}`; i++)
      await endSession(pool, left);
    expect(await keepersOf(pool, archive)).toEqual(keepers);

    // Its term is renewed, and the one that stayed goes on without anybody's word.
    for (let i = 0; i < MARKET_TERM - 2; i++) await endSession(pool, left);
    const mine = await agreementOnChain(pool, archive, partnerKey(pool, stayed!));
    expect(mine).toMatchObject({ state: AGREEMENT_STATE.active, missed: 0 });
    expect(mine!.sequence).toBeGreaterThan(1);

    // One that lies is no worse than one that is gone; and nobody's lie is believed.
    const copy = `/v1/content/${toHex(before.content)}`;
    const lying =
      (liars: readonly string[]): typeof fetch =>
      async (input, init) => {
        const answer = await fetch(input, init);
        if (!liars.some((url) => String(input) === `${url}${copy}`)) return answer;
        const bytes = new Uint8Array(await answer.arrayBuffer());
        return new Response(bytes.with(10, bytes[10]! ^ 1), { status: 200 });
      };
    const reader = (liars: readonly string[]) =>
      connect({ urls: pool.urls, environment: { fetch: lying(liars) } });
    expect(await reader([urls[third!]!]).payout(session)).toEqual({ ...before, archive });
    await expect(reader(urls).payout(session)).rejects.toMatchObject({ code: 'client/no-source' });
  });
});
