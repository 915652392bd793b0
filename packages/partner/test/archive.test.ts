/** Payout files that validators let go of: real validators, real partners, on real time. */
import { connect } from '@palisade/client';
import { equalBytes, toHex } from '@palisade/core';
import {
  AGREEMENT_STATE,
  jobQuery,
  type MarketParams,
  marketParamsQuery,
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
  startPool,
  startTestPartner,
  until,
  upload,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const SHORT = { ...QUICK, sessionMs: 1500 };
const NUMBERS = [0, 1, 2] as const;
const ZERO = new Uint8Array(32);
const MARKET = (params: MarketParams): MarketParams => ({
  ...params,
  missesToLose: 1,
  archive: { ...params.archive, retentionSessions: 1, copies: 2, termSessions: 6 },
});

/** A client's file at all partners for long: what earns rows, and shows whom the chain can draw. */
async function storeAtAll(pool: Pool, urls: readonly string[]): Promise<void> {
  const { client } = pool;
  const content = contentOf(5000);
  const rate = rateFor(PRICE, BigInt(content.size));
  const job = await client.request(content, { partners: urls.length, sessions: 60, maxRate: rate });
  for (const [number, url] of urls.entries()) {
    const voucher = await client.voucher(job, partnerKey(pool, number), { rate, sessions: 60 });
    await upload(url, job, voucher, content);
  }
}

/** Numbers of the partners that have proven the file of a session and go on. */
async function keepersOf({ chain, ...pool }: Pool, archive: Uint8Array): Promise<number[]> {
  const view = await chain.query(jobQuery, { id: archive });
  return NUMBERS.filter((number) =>
    view.agreements.some(
      ({ partner, agreement: { state, answered } }) =>
        equalBytes(partner, partnerKey({ chain, ...pool }, number)) &&
        state === AGREEMENT_STATE.active &&
        answered > 0,
    ),
  );
}

describe('a payout file', () => {
  it('[V2V-5] moves to partners, is read from them as it was, and outlives the loss of one', async () => {
    const pool = await startPool(cleanups, SHORT, { market: MARKET });
    const { chain } = pool;
    const start = (number: number) => startTestPartner(pool, cleanups, { number });
    const partners = await Promise.all(NUMBERS.map(start));
    const urls = partners.map(({ url }) => url);
    await storeAtAll(pool, urls);

    let session = 0n;
    await until(async () => {
      session = (await chain.session()).number - 1n;
      return session >= 0n && ((await chain.payout(session))?.rows.length ?? 0) > 0;
    });
    const before = (await chain.payout(session))!;
    const page = () => chain.query(payoutQuery, { session, after: ZERO });
    await until(async () => (await page()).rows.length === 0, { what: 'the move' });
    const { archive } = await page();
    expect((await fetch(`${pool.urls[0]}/v1/payout-files/${session}`)).status).toBe(410);
    expect(await chain.payout(session)).toEqual({ ...before, archive });

    const keeping = await keepersOf(pool, archive);
    const [lost] = keeping;
    const third = NUMBERS.find((number) => !keeping.includes(number));
    await partners[lost!]!.stop();
    await until(async () => (await keepersOf(pool, archive)).includes(third!), {
      what: 'another partner in the place of the lost one',
    });
    expect(await keepersOf(pool, archive)).not.toContain(lost);

    // Its term is renewed, and the one that stayed goes on without anybody's word.
    const stayed = keeping.find((number) => number !== lost)!;
    const goesOn = async () => {
      const { job } = await chain.query(jobQuery, { id: archive });
      const mine = await agreementOnChain(pool, archive, partnerKey(pool, stayed));
      const { termSessions } = (await chain.query(marketParamsQuery, {})).archive;
      return mine!.lastSession >= job.session + BigInt(termSessions);
    };
    await until(goesOn, { what: 'a longer term' });

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
  }, 60_000);
});
