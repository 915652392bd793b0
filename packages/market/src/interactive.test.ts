import { digestOf, toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { eventsOf } from '../../chain/test/chain-kit.ts';
import { type Market, RATE, runningJob, startMarket } from '../test/market-kit.ts';
import {
  AGREEMENT_STATE,
  answerAudit,
  complete,
  JOB_STATE,
  ROW_STATUS,
  settlementsDue,
  UTILITY,
  usageVoucher,
} from './index.ts';

/** The ceiling of the stories: two sessions at the rate of the kit. */
const CEILING = 2n * RATE;
const HALF = RATE / 2n;
const RESULT = new Uint8Array(32).fill(7);

/** A market in which p0 works for alice, for two sessions. */
function begin(terms: Parameters<Market['request']>[1] = {}) {
  return runningJob({ utility: UTILITY.computation, sessions: 2, ...terms });
}

/** What p0 is paid while `deed` goes on; its fees are not counted. */
async function earned(market: Market, deed: () => Promise<unknown>): Promise<bigint> {
  const before = market.chain.free(market.owner('p0'));
  await deed();
  return market.chain.free(market.owner('p0')) - before;
}

async function endSessions(market: Market, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await market.chain.endSession();
}

describe('computation and access', () => {
  it('bind rate x sessions as a ceiling with the start, and pay nothing by themselves', async () => {
    const { market, chain, job } = await begin();
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.started, committed: CEILING });
    expect(await earned(market, () => chain.endSession())).toBe(0n);
    expect(market.rows(1n)).toEqual([]);
    expect(market.job(job)).toMatchObject({ committed: CEILING, paid: 0n });
  });

  it('are never audited, and silence is no miss', async () => {
    const { market, chain, job } = await begin({ utility: UTILITY.access, sessions: 5 });
    const answer = { job, session: chain.session.number, proofs: [] };
    await chain.expectRefused('market/no-audit-due', market.partner('p0'), answerAudit, answer);
    await endSessions(market, 4);
    expect(market.agreement(job, 'p0')).toMatchObject({ state: AGREEMENT_STATE.active, missed: 0 });
  });

  it('cost a session in which nothing is filed nothing: only the last session is due', async () => {
    const { market, chain, job } = await begin({ sessions: 4 });
    const due = () => [...settlementsDue.list(chain.state)].map(([[session]]) => session);
    const last = chain.session.number + 3n;
    expect(due()).toEqual([last]);
    await market.file('alice', 'p0', job, { amount: HALF });
    expect(due()).toEqual([chain.session.number]);
    await chain.endSession();
    expect(due()).toEqual([last]);
  });

  it('are paid what vouchers add up to, session by session, and the rest with the receipt', async () => {
    const { market, chain, job } = await begin();
    await market.file('alice', 'p0', job, { sequence: 1, units: 3n, amount: HALF });
    const filed = await market.file('alice', 'p0', job, { sequence: 4, units: 9n, amount: RATE });
    expect(eventsOf(filed, 'market.voucher-filed')).toMatchObject([
      { sequence: '4', units: '9', amount: `${RATE}` },
    ]);
    expect(await earned(market, () => chain.endSession())).toBe(RATE);
    expect(market.rows(1n)).toMatchObject([
      { amount: RATE, sequence: 4, status: ROW_STATUS.partial, endHeight: 0n },
    ]);
    expect(market.job(job)).toMatchObject({ paid: RATE, committed: RATE, escrow: RATE });
    const use = { units: 12n, amount: RATE + HALF, result: RESULT };
    await market.complete('alice', 'p0', job, chain.session.number, use, 5);
    // What is left of the ceiling is unbound at once.
    expect(market.job(job).committed).toBe(HALF);
    expect(await earned(market, () => chain.endSession())).toBe(HALF);
    expect(market.rows(2n)).toMatchObject([{ amount: HALF, status: ROW_STATUS.earned }]);
    expect(market.agreement(job, 'p0')).toMatchObject({
      state: AGREEMENT_STATE.completed,
      units: 12n,
      paid: RATE + HALF,
    });
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, committed: 0n });
    await chain.endSession();
    expect(market.job(job)).toMatchObject({ escrow: 0n, refunded: HALF });
  });

  it('[C2V-7] may start and complete in one block', async () => {
    const market = await startMarket();
    const { chain } = market;
    await chain.endSession();
    const job = await market.request('alice', { utility: UTILITY.access, sessions: 1 });
    const receipt = await market.partnerSigned('p0', job, chain.session.number, 1, {
      units: 1n,
      amount: RATE,
    });
    const block = await chain.block([
      await market.startTx('alice', 'p0', job),
      await chain.sign(market.client('alice'), complete, receipt),
    ]);
    expect(block.results.map(({ code }) => code)).toEqual([0, 0]);
    await chain.endSession();
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, paid: RATE });
  });

  it('of several partners end as each of them does', async () => {
    const { market, chain, job } = await begin({ partners: 2 });
    await market.start('alice', 'p1', job);
    await market.complete('alice', 'p0', job, chain.session.number, { units: 1n, amount: RATE });
    await market.file('alice', 'p1', job, { amount: HALF });
    await endSessions(market, 2);
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.disputed, paid: RATE + HALF });
    await chain.endSession();
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.resolved, escrow: 0n });
  });

  it('raise their ceiling with a newer rate voucher, also when something is to be paid', async () => {
    const { market, chain, job } = await begin({ maxRate: 2n * RATE });
    await market.file('alice', 'p0', job, { amount: CEILING });
    await market.start('alice', 'p0', job, { sequence: 2, rate: 2n * RATE });
    await market.file('alice', 'p0', job, { sequence: 2, amount: 2n * CEILING });
    expect(await earned(market, () => chain.endSession())).toBe(2n * CEILING);
    expect(market.job(job)).toMatchObject({ committed: 0n, escrow: 0n });
  });

  it('in a renewed job go on to its new end', async () => {
    const { market, chain, job } = await begin();
    await market.renew('alice', job, 1);
    await chain.endSession();
    await market.start('alice', 'p0', job, { sequence: 2, sessions: 3 });
    await chain.endSession();
    expect(market.agreement(job, 'p0').state).toBe(AGREEMENT_STATE.active);
    expect(market.job(job).committed).toBe(3n * RATE);
  });
});

describe('a client without a receipt', () => {
  it('[C2V-7.G1, P2V-8.G1] the client that never signs leaves the partner its vouchers: they complete the job after the arbitration window', async () => {
    const { market, chain, job } = await begin();
    await market.file('alice', 'p0', job, { amount: RATE });
    await chain.endSession();
    const ended = await chain.endSession();
    expect(eventsOf(ended, 'market.agreement-disputed')).toMatchObject([
      { sequence: '1', paid: `${RATE}`, closes: '3' },
    ]);
    expect(market.job(job)).toMatchObject({
      state: JOB_STATE.disputed,
      active: 0,
      escrow: RATE,
      committed: RATE,
      endHeight: 0n,
    });
    const closed = await chain.endSession();
    expect(eventsOf(closed, 'market.agreement-resolved')).toMatchObject([
      { sequence: '1', paid: `${RATE}` },
    ]);
    expect(market.job(job)).toMatchObject({
      state: JOB_STATE.resolved,
      paid: RATE,
      refunded: RATE,
      escrow: 0n,
    });
  });

  it('[C2V-7.G1] and a partner that files nothing: the job is cancelled, and only fees were paid', async () => {
    const { market, job } = await begin();
    await endSessions(market, 2);
    expect(market.job(job).state).toBe(JOB_STATE.disputed);
    await endSessions(market, 1);
    expect(market.agreement(job, 'p0').state).toBe(AGREEMENT_STATE.resolved);
    expect(market.job(job)).toMatchObject({
      state: JOB_STATE.cancelled,
      reason: 'nothing was vouched for',
      refunded: CEILING,
      escrow: 0n,
    });
  });

  it('and had agreed on less than the term: the job ends with the window all the same', async () => {
    const market = await startMarket();
    await market.chain.endSession();
    const job = await market.request('alice', { utility: UTILITY.access, sessions: 9 });
    await market.start('alice', 'p0', job, { sessions: 1 });
    await endSessions(market, 1);
    expect(market.job(job).state).toBe(JOB_STATE.disputed);
    await endSessions(market, 1);
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.cancelled, escrow: 0n });
  });

  it('and cancels, still owes what it vouched for, even by a voucher filed afterwards', async () => {
    const { market, chain, job } = await begin({ sessions: 5 });
    await market.cancel('alice', job);
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.cancelled, committed: 5n * RATE });
    await chain.endSession();
    expect(market.agreement(job, 'p0').state).toBe(AGREEMENT_STATE.disputed);
    await market.file('alice', 'p0', job, { amount: 3n * RATE });
    expect(await earned(market, () => chain.endSession())).toBe(3n * RATE);
    expect(market.job(job)).toMatchObject({
      state: JOB_STATE.cancelled,
      paid: 3n * RATE,
      refunded: 2n * RATE,
      escrow: 0n,
    });
  });

  it('and cancels before the first session that counts: the window opens all the same', async () => {
    const market = await startMarket();
    const { chain } = market;
    const job = await market.request('alice', { utility: UTILITY.access });
    await chain.block([], { afterMs: 52_000n });
    await market.start('alice', 'p0', job);
    await market.file('alice', 'p0', job, { amount: HALF });
    await market.cancel('alice', job);
    expect(await earned(market, () => chain.endSession())).toBe(HALF);
    expect(market.agreement(job, 'p0').state).toBe(AGREEMENT_STATE.disputed);
    await chain.endSession();
    expect(market.job(job)).toMatchObject({ escrow: 0n, paid: HALF });
  });

  it('but only until the window has closed: a receipt in it completes the job after all', async () => {
    const { market, chain, job } = await begin();
    await endSessions(market, 2);
    const last = chain.session.number - 1n;
    const receipt = { units: 5n, amount: RATE };
    await market.partnerComplete('alice', 'p0', job, last, receipt);
    await chain.endSession();
    expect(market.agreement(job, 'p0')).toMatchObject({ state: AGREEMENT_STATE.completed });
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, paid: RATE, escrow: 0n });
    expect(market.rows(3n)).toMatchObject([{ amount: RATE, status: ROW_STATUS.earned }]);
  });
});

describe('arbitration', () => {
  it('[P2V-8.G1] the disconnect in the middle: paid is the highest voucher that is filed, in the term or in the window', async () => {
    const { market, chain, job } = await begin();
    await market.file('alice', 'p0', job, { sequence: 3, units: 3n, amount: HALF });
    await endSessions(market, 2);
    await market.file('alice', 'p0', job, { sequence: 7, units: 8n, amount: RATE });
    expect(await earned(market, () => chain.endSession())).toBe(RATE - HALF);
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.resolved, paid: RATE });
    const { endHeight } = market.job(job);
    expect(endHeight).toBeGreaterThan(0n);
    expect(market.rows(3n)).toMatchObject([
      { amount: RATE - HALF, sequence: 7, status: ROW_STATUS.partial, endHeight },
    ]);
  });

  it('the window only raises: an older voucher, or a newer one for less, is refused', async () => {
    const { market, chain, job } = await begin();
    await market.file('alice', 'p0', job, { sequence: 3, units: 5n, amount: RATE });
    await endSessions(market, 2);
    for (const usage of [
      { sequence: 2, units: 5n, amount: RATE },
      { sequence: 3, units: 5n, amount: RATE },
      { sequence: 4, units: 5n, amount: RATE - 1n },
      { sequence: 4, units: 4n, amount: RATE },
      { sequence: 0, units: 9n, amount: CEILING },
    ])
      await chain.expectTxRefused(
        'market/voucher-not-newer',
        await market.fileTx('alice', 'p0', job, usage),
      );
  });

  it('a voucher that comes when the window has closed is too late', async () => {
    const { market, chain, job } = await begin();
    await endSessions(market, 3);
    const late = await market.fileTx('alice', 'p0', job, { amount: RATE });
    await chain.expectTxRefused('market/agreement-over', late);
  });

  it('nobody is owed more than the ceiling', async () => {
    const { market, chain, job } = await begin();
    const much = await market.fileTx('alice', 'p0', job, { amount: CEILING + 1n });
    await chain.expectTxRefused('market/above-ceiling', much);
    const use = { amount: CEILING + 1n };
    const receipt = await market.partnerSigned('p0', job, chain.session.number, 1, use);
    await chain.expectRefused('market/above-ceiling', market.client('alice'), complete, receipt);
    await market.file('alice', 'p0', job, { amount: CEILING });
    expect(await earned(market, () => chain.endSession())).toBe(CEILING);
  });
});

describe('[4.5] a client that signs two amounts for one sequence', () => {
  it('owes the larger, whichever was filed first, and stands convicted', async () => {
    for (const [first, second] of [
      [HALF, RATE],
      [RATE, HALF],
    ] as const) {
      const { market, chain, job } = await begin();
      await market.file('alice', 'p0', job, { sequence: 2, amount: first });
      const block = await market.file('alice', 'p0', job, { sequence: 2, amount: second });
      expect(eventsOf(block, 'market.voucher-equivocation')).toMatchObject([
        {
          client: toHex(market.client('alice').id),
          sequence: '2',
          amount: `${RATE}`,
          other: `${HALF}`,
        },
      ]);
      expect(market.clientStanding('alice').score).toBe(0);
      expect(await earned(market, () => chain.endSession())).toBe(RATE);
    }
  });

  it('is convicted once for it: the smaller voucher again is refused, a larger one still counts', async () => {
    const { market, chain, job } = await begin();
    await market.file('alice', 'p0', job, { amount: RATE });
    await market.file('alice', 'p0', job, { amount: HALF });
    const again = await market.fileTx('alice', 'p0', job, { amount: HALF - 1n });
    await chain.expectTxRefused('market/voucher-not-newer', again);
    await market.file('alice', 'p0', job, { amount: CEILING });
    expect(await earned(market, () => chain.endSession())).toBe(CEILING);
  });

  it('is not convicted by anybody else: both must be signed by the client', async () => {
    const { market, chain, job } = await begin();
    await market.file('alice', 'p0', job, { amount: RATE });
    const forged = await market.fileTx('bert', 'p0', job, { amount: CEILING });
    await chain.expectTxRefused('market/voucher-not-signed', forged);
  });
});

describe('the history of usage vouchers', () => {
  it('is tied by digests, which the chain leaves to the parties', async () => {
    const { market, chain, job } = await begin();
    const { clientSignature: _, ...first } = await market.usage('alice', 'p0', job);
    const partner = market.partner('p0').id;
    const previous = digestOf(usageVoucher, { ...first, partner }, chain.domain);
    await market.file('alice', 'p0', job, { sequence: 2, amount: HALF, previous });
    expect(market.agreement(job, 'p0')).toMatchObject({ usageSequence: 2, vouched: HALF });
  });
});
