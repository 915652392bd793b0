import {
  iavlSpec,
  ics23,
  tendermintSpec,
  verifyMembership,
  verifyNonMembership,
} from '@confio/ics23';
import { fromBinaryString, type Json, toHex, utf8 } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { type Market, RATE, startMarket } from '../test/market-kit.ts';
import {
  auditDueQuery,
  jobFiles,
  jobQuery,
  jobsOfQuery,
  marketParamsQuery,
  payoutQuery,
  payouts,
  UTILITY,
} from './index.ts';

const ZERO = `0x${'00'.repeat(32)}`;

async function ask<T>({ chain }: Market, name: string, params: Json): Promise<T> {
  const data = utf8(JSON.stringify(params));
  const answer = await chain.application.query({
    path: `/q/${name}`,
    data,
    height: 0n,
    prove: false,
  });
  if (answer.code !== 0) throw new Error(answer.codespace);
  return JSON.parse(new TextDecoder().decode(answer.value)) as T;
}

type Ids = { readonly jobs: readonly string[] };
type Row = { readonly job: string; readonly partner: string; readonly amount: string };

describe('queries of the market', () => {
  it('a job is shown with its agreements', async () => {
    const market = await startMarket();
    const job = await market.request('alice', { partners: 2 });
    await market.start('alice', 'p0', job);
    await market.start('alice', 'p1', job);
    const view = await ask<{ job: Json; agreements: { partner: string }[] }>(
      market,
      jobQuery.name,
      {
        id: toHex(job),
      },
    );
    expect(view.job).toMatchObject({ partners: 2, active: 2, committed: (6n * RATE).toString() });
    const partners = (['p0', 'p1'] as const).map((name) => toHex(market.partner(name).id));
    expect(view.agreements.map(({ partner }) => partner).sort()).toEqual(partners.sort());
    await expect(ask(market, jobQuery.name, { id: ZERO })).rejects.toThrow('chain/not-found');
  });

  it("audits that are due are a partner's own, and go as they are answered", async () => {
    const market = await startMarket();
    await market.chain.endSession();
    const [one, two] = [await market.request('alice'), await market.request('bert')];
    await market.start('alice', 'p0', one);
    await market.start('bert', 'p0', two);
    const computation = await market.request('bert', { utility: UTILITY.computation, sessions: 1 });
    await market.start('bert', 'p0', computation);
    const session = market.chain.session.number.toString();
    const due = (name: 'p0' | 'p1') =>
      ask<Ids>(market, auditDueQuery.name, { session, partner: toHex(market.partner(name).id) });
    expect([...(await due('p0')).jobs].sort()).toEqual([one, two].map(toHex).sort());
    expect((await due('p1')).jobs).toEqual([]);
    await market.answer('p0', one);
    expect((await due('p0')).jobs).toEqual([toHex(two)]);
    await market.cancel('bert', two);
    await market.chain.endSession();
    expect((await due('p0')).jobs).toEqual([]);
  });

  it('jobs of a client come in pages that leave none out', async () => {
    const market = await startMarket();
    const { chain } = market;
    const txs: Uint8Array[] = [];
    for (let i = 0; i < 130; i++) txs.push(await market.requestTx('alice', { maxRate: 1n }));
    txs.push(await market.requestTx('bert'));
    await chain.block(txs);
    const expected = await Promise.all(txs.slice(0, 130).map((tx) => chain.idOf(tx)));
    const client = toHex(market.client('alice').id);
    const page = async (after: string) =>
      (await ask<{ jobs: { id: string }[] }>(market, jobsOfQuery.name, { client, after })).jobs;
    const first = await page(ZERO);
    const second = await page(first.at(-1)!.id);
    expect([first.length, second.length]).toEqual([100, 30]);
    expect([...first, ...second].map(({ id }) => id)).toEqual(expected.map(toHex).sort());
    expect(await page(second.at(-1)!.id)).toEqual([]);
  });

  it('[V2V-5] a payout file comes in pages that neither part a job nor leave a row out', async () => {
    const market = await startMarket();
    const { chain } = market;
    await chain.endSession();
    const requests: Uint8Array[] = [];
    for (let i = 0; i < 41; i++)
      requests.push(await market.requestTx('alice', { partners: 3, sessions: 1, maxRate: 7n }));
    await chain.block(requests);
    const ids = await Promise.all(requests.map((tx) => chain.idOf(tx)));
    const starts: Uint8Array[] = [];
    for (const id of ids)
      for (const partner of ['p0', 'p1', 'p2'] as const)
        starts.push(await market.startTx('alice', partner, id, { rate: 7n }));
    await chain.block(starts);
    await chain.endSession();
    const seen: Row[] = [];
    const sizes: number[] = [];
    for (let after = ZERO; ; after = seen.at(-1)!.job) {
      const { rows } = await ask<{ rows: Row[] }>(market, payoutQuery.name, {
        session: '1',
        after,
      });
      if (rows.length === 0) break;
      sizes.push(rows.length);
      seen.push(...rows);
    }
    expect(sizes).toEqual([99, 24]);
    expect(new Set(seen.map(({ job, partner }) => job + partner)).size).toBe(123);
    const none = ask(market, payoutQuery.name, { session: '9', after: ZERO });
    await expect(none).rejects.toThrow('chain/not-found');
  });

  it('parameters are told as the genesis document has them', async () => {
    const market = await startMarket();
    expect(await ask(market, marketParamsQuery.name, {})).toMatchObject({ auditSamples: 3 });
  });
});

describe('the proven payout store', () => {
  type Kind = 'exist' | 'nonexist';

  /** Checks both levels with the public library: key in store, store in app hash. */
  async function check(market: Market, flatKey: string, appHash: Uint8Array): Promise<Kind> {
    const key = fromBinaryString(flatKey.slice('payouts/'.length));
    const answer = await market.chain.application.query({
      path: '/store/payouts/key',
      data: key,
      height: 0n,
      prove: true,
    });
    expect(answer).toMatchObject({ code: 0, height: market.chain.height });
    const [inside, above] = answer.proofOps.map(({ data }) => ics23.CommitmentProof.decode(data));
    const root = above!.exist!.value!;
    expect(verifyMembership(above!, tendermintSpec, appHash, utf8('payouts'), root)).toBe(true);
    if (answer.value.length === 0) {
      expect(verifyNonMembership(inside!, iavlSpec, root, key)).toBe(true);
      return 'nonexist';
    }
    expect(verifyMembership(inside!, iavlSpec, root, key, answer.value)).toBe(true);
    const forged = answer.value.with(20, answer.value[20]! ^ 1);
    expect(verifyMembership(inside!, iavlSpec, root, key, forged)).toBe(false);
    return 'exist';
  }

  it("[V2V-5] proves the root of a session's payout file, and of a block's job file, up to the app hash", async () => {
    const market = await startMarket();
    const job = await market.request('alice');
    const { height } = market.job(job);
    const { appHash } = await market.chain.endSession().then(() => market.chain.block());
    expect(await check(market, payouts.keyOf(0n), appHash)).toBe('exist');
    expect(await check(market, jobFiles.keyOf(height), appHash)).toBe('exist');
    expect(await check(market, payouts.keyOf(1n), appHash)).toBe('nonexist');
    expect(await check(market, jobFiles.keyOf(height + 1n), appHash)).toBe('nonexist');
  });

  it('proves absence from the first block on', async () => {
    const market = await startMarket();
    expect(await check(market, payouts.keyOf(0n), market.chain.genesisAppHash)).toBe('nonexist');
  });

  it('refuses stores that are not proven, and empty keys', async () => {
    const { chain } = await startMarket();
    const query = (path: string, data: Uint8Array) =>
      chain.application.query({ path, data, height: 0n, prove: true });
    for (const store of ['accounts', 'market', 'nowhere'])
      expect(await query(`/store/${store}/key`, utf8('a'))).toMatchObject({
        codespace: 'chain/unknown-store',
      });
    expect(await query('/store/payouts/key', new Uint8Array())).toMatchObject({ code: 1 });
  });
});
