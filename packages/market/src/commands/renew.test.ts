import { describe, expect, it } from 'vitest';
import { RATE, runningJob, startMarket } from '../../test/market-kit.ts';
import { AGREEMENT_STATE, JOB_STATE, renew } from '../index.ts';

describe('a renewal', () => {
  it('locks what the longer term may cost, and a new voucher prolongs the agreement', async () => {
    const { market, job } = await runningJob();
    await market.renew('alice', job, 2);
    expect(market.job(job)).toMatchObject({ sessions: 5, escrow: 5n * RATE, committed: 3n * RATE });
    await market.start('alice', 'p0', job, { sequence: 2, sessions: 5 });
    expect(market.job(job)).toMatchObject({ committed: 5n * RATE, active: 1 });
    for (let i = 0; i < 5; i++) await market.session(job, 'p0');
    expect(market.job(job)).toMatchObject({
      state: JOB_STATE.completed,
      paid: 5n * RATE,
      escrow: 0n,
    });
  });

  it('in a session whose audit is answered binds and pays that session once, at the new rate', async () => {
    const { market, chain, job } = await runningJob({ maxRate: 2n * RATE });
    await market.answer('p0', job);
    await market.start('alice', 'p0', job, { sequence: 2, rate: 2n * RATE });
    expect(market.job(job).committed).toBe(6n * RATE);
    await chain.expectTxRefused('market/audit-answered', await market.answerTx('p0', job));
    await chain.endSession();
    expect(market.job(job)).toMatchObject({ paid: 2n * RATE, committed: 4n * RATE });
  });

  it('after some sessions binds only what is still ahead', async () => {
    const { market, job } = await runningJob({ sessions: 4, maxRate: 3n * RATE });
    await market.session(job, 'p0');
    await market.session(job);
    await market.start('alice', 'p0', job, { sequence: 2, rate: 3n * RATE });
    expect(market.job(job)).toMatchObject({ committed: 6n * RATE, paid: RATE, escrow: 11n * RATE });
    await market.session(job, 'p0');
    await market.session(job, 'p0');
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, paid: 7n * RATE });
  });

  it('before the first session binds the whole new term', async () => {
    const market = await startMarket();
    const job = await market.request('alice', { maxRate: 2n * RATE });
    await market.chain.block([], { afterMs: 52_000n });
    await market.start('alice', 'p0', job, { sessions: 1 });
    await market.start('alice', 'p0', job, { sequence: 2, sessions: 3, rate: 2n * RATE });
    expect(market.job(job).committed).toBe(6n * RATE);
    expect(market.agreement(job, 'p0')).toMatchObject({ firstSession: 1n, lastSession: 3n });
  });

  it('in its last session, answered or not, keeps the agreement going', async () => {
    const { market, chain, job } = await runningJob({ sessions: 1 });
    await market.answer('p0', job);
    await market.renew('alice', job, 1);
    await market.start('alice', 'p0', job, { sequence: 2, sessions: 2 });
    await chain.endSession();
    expect(market.agreement(job, 'p0').state).toBe(AGREEMENT_STATE.active);
    await market.session(job, 'p0');
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, paid: 2n * RATE });
  });

  it('can go on for ever: only what is still ahead counts against the longest term', async () => {
    const { market, chain, job } = await runningJob({ sessions: 20 });
    await chain.expectRefused('market/bad-term', market.client('alice'), renew, {
      job,
      sessions: 1,
    });
    for (let i = 0; i < 2; i++) await market.session(job, 'p0');
    await market.renew('alice', job, 2);
    await market.start('alice', 'p0', job, { sequence: 2, sessions: 22 });
    expect(market.agreement(job, 'p0').lastSession).toBe(chain.session.number - 2n + 21n);
  });

  it('of a job whose place is free until the old end keeps it free until the new one', async () => {
    const { market, chain, job } = await runningJob({ partners: 2, sessions: 1 });
    await market.session(job, 'p0');
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.started, active: 0 });
    await market.renew('alice', job, 1);
    await chain.endSession();
    expect(market.job(job).state).toBe(JOB_STATE.started);
    await market.start('alice', 'p1', job, { sessions: 1 });
    await market.session(job, 'p1');
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, paid: 2n * RATE });
  });
});
