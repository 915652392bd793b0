import { revokeNodeKey, send } from '@palisade/chain/schema';
import { describe, expect, it } from 'vitest';
import { eventsOf } from '../../chain/test/chain-kit.ts';
import { PARTNER_FUNDS, RATE, runningJob, startMarket } from '../test/market-kit.ts';
import { AGREEMENT_STATE, JOB_STATE } from './index.ts';

describe('the end of a job', () => {
  it('[C2V-7] comes with the term: paid in full, completed, nothing left in escrow', async () => {
    const { market, chain, job } = await runningJob();
    for (let i = 0; i < 3; i++) await market.session(job, 'p0');
    expect(market.agreement(job, 'p0')).toMatchObject({
      state: AGREEMENT_STATE.completed,
      answered: 3,
      paid: 3n * RATE,
    });
    expect(market.job(job)).toMatchObject({
      state: JOB_STATE.completed,
      escrow: 0n,
      paid: 3n * RATE,
    });
    await chain.endSession();
    expect(market.escrow).toBe(0n);
  });

  it('[C2V-7] gives back what was missed, one session after the payout that ended it', async () => {
    const { market, chain, job } = await runningJob();
    await market.session(job, 'p0');
    await market.session(job);
    await market.session(job, 'p0');
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, escrow: RATE });
    const before = chain.free(market.client('alice'));
    const ended = await chain.endSession();
    expect(eventsOf(ended, 'market.escrow-returned')).toMatchObject([{ amount: RATE.toString() }]);
    expect(chain.free(market.client('alice')) - before).toBe(RATE);
  });

  it('[C2V-7] by the receipt that the client files: the sessions until then are paid', async () => {
    const { market, chain, job } = await runningJob();
    const { number } = chain.session;
    await market.answer('p0', job);
    await market.complete('alice', 'p0', job, number);
    expect(market.job(job).committed).toBe(RATE);
    await chain.endSession();
    expect(market.agreement(job, 'p0')).toMatchObject({
      state: AGREEMENT_STATE.completed,
      paid: RATE,
    });
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, escrow: 2n * RATE });
    await chain.endSession();
    expect(market.job(job)).toMatchObject({ escrow: 0n, refunded: 2n * RATE });
  });

  it('[P2V-8] by the receipt that the partner files: the same', async () => {
    const { market, chain, job } = await runningJob();
    await market.partnerComplete('alice', 'p0', job, chain.session.number + 1n);
    await market.session(job, 'p0');
    expect(market.agreement(job, 'p0').state).toBe(AGREEMENT_STATE.active);
    await market.session(job, 'p0');
    expect(market.agreement(job, 'p0')).toMatchObject({
      state: AGREEMENT_STATE.completed,
      paid: 2n * RATE,
    });
  });

  it('a receipt before the first session ends an agreement at once, unpaid', async () => {
    const market = await startMarket();
    const { chain } = market;
    const job = await market.request('alice');
    await chain.block([], { afterMs: 52_000n });
    await market.start('alice', 'p0', job);
    const block = await market.complete('alice', 'p0', job, chain.session.number);
    expect(eventsOf(block, 'market.agreement-ended')).toHaveLength(1);
    expect(market.job(job)).toMatchObject({ active: 0, committed: 0n });
    await chain.endSession();
    expect(market.job(job).state).toBe(JOB_STATE.completed);
    expect(market.rows(1n)).toEqual([]);
  });

  it('a receipt stands: a voucher that was signed before and not filed cannot move the end', async () => {
    const { market, chain, job } = await runningJob();
    await market.renew('alice', job, 5);
    await market.complete('alice', 'p0', job, chain.session.number);
    const unfiled = await market.startTx('alice', 'p0', job, { sequence: 2, sessions: 8 });
    await chain.expectTxRefused('market/agreement-ending', unfiled);
  });

  it('cancelled before a start, everything returns at once', async () => {
    const market = await startMarket();
    const job = await market.request('alice');
    await market.cancel('alice', job);
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.cancelled, escrow: 0n });
    expect(market.escrow).toBe(0n);
    await market.chain.expectTxRefused('market/job-over', await market.startTx('alice', 'p0', job));
  });

  it('cancelled after a start, the running session is still earned and the rest waits for arbitration', async () => {
    const { market, chain, job } = await runningJob();
    await market.cancel('alice', job);
    expect(market.escrow).toBe(3n * RATE);
    await market.session(job, 'p0');
    expect(market.job(job)).toMatchObject({ paid: RATE, escrow: 2n * RATE, active: 0 });
    const before = chain.free(market.client('alice'));
    await chain.endSession();
    expect(chain.free(market.client('alice')) - before).toBe(2n * RATE);
    expect(market.escrow).toBe(0n);
  });

  it('cancelled before its first session, a partner has nothing to earn', async () => {
    const market = await startMarket();
    const { chain } = market;
    const job = await market.request('alice');
    await chain.block([], { afterMs: 52_000n });
    await market.start('alice', 'p0', job);
    await market.cancel('alice', job);
    expect(market.job(job)).toMatchObject({ active: 0, committed: 0n, escrow: 3n * RATE });
    await chain.endSession();
    expect(market.escrow).toBe(3n * RATE);
    await chain.endSession();
    expect(market.escrow).toBe(0n);
    expect(chain.free(market.owner('p0'))).toBeLessThan(PARTNER_FUNDS);
  });
});

describe('a partner that disappears', () => {
  it('[P2V-5] is lost after three misses in a row; another takes its place with what is left', async () => {
    const { market, chain, job } = await runningJob({ sessions: 8 });
    await market.session(job, 'p0');
    await market.session(job);
    await market.session(job);
    expect(market.agreement(job, 'p0').state).toBe(AGREEMENT_STATE.active);
    const ended = await market.session(job);
    expect(market.agreement(job, 'p0')).toMatchObject({ state: AGREEMENT_STATE.lost, missed: 3 });
    expect(eventsOf(ended, 'market.agreement-ended')[0]!.reason).toContain('3 audits missed');
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.started, active: 0, committed: 0n });
    await chain.expectTxRefused(
      'market/agreement-over',
      await market.startTx('alice', 'p0', job, { sequence: 2 }),
    );
    await market.start('alice', 'p1', job, { sessions: 4 });
    for (let i = 0; i < 4; i++) await market.session(job, 'p1');
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, paid: 5n * RATE });
  });

  it('is not lost while it answers in between', async () => {
    const { market, job } = await runningJob({ sessions: 8 });
    for (const here of [false, false, true, false, false, true])
      await market.session(job, ...(here ? (['p0'] as const) : []));
    expect(market.agreement(job, 'p0')).toMatchObject({ state: AGREEMENT_STATE.active, missed: 4 });
  });

  it('and is not replaced leaves a cancelled job at the end of the term, and the money to the client', async () => {
    const { market, chain, job } = await runningJob({ sessions: 4 });
    for (let i = 0; i < 3; i++) await market.session(job);
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.started, active: 0 });
    for (let i = 0; i < 2; i++) await chain.endSession();
    expect(market.job(job)).toMatchObject({
      state: JOB_STATE.cancelled,
      reason: 'all of its partners were lost',
    });
    await chain.endSession();
    expect(market.job(job)).toMatchObject({ refunded: 4n * RATE, escrow: 0n });
  });

  it('whose key was revoked cannot answer; what it earned before is paid to its account', async () => {
    const { market, chain, job } = await runningJob();
    await market.answer('p0', job);
    await chain.run(market.owner('p0'), revokeNodeKey, { nodeKey: market.partner('p0').id });
    const before = chain.free(market.owner('p0'));
    await chain.endSession();
    expect(chain.free(market.owner('p0')) - before).toBe(RATE);
    await chain.expectTxRefused('accounts/revoked-node-key', await market.answerTx('p0', job));
  });

  it('and a client that emptied its account still get what is theirs', async () => {
    const { market, chain, job } = await runningJob({ maxRate: 10n }, { rate: 10n });
    await market.cancel('alice', job);
    const alice = market.client('alice');
    const probe = await chain.sign(alice, send, {
      to: market.client('bert').id,
      denom: 'pal',
      amount: 0n,
      nonce: 0n,
    });
    const all = chain.free(alice) - chain.feeOf(probe);
    await chain.run(alice, send, { to: market.client('bert').id, denom: 'pal', amount: all });
    expect(chain.free(alice)).toBe(0n);
    await chain.endSession();
    await chain.endSession();
    expect(chain.free(alice)).toBe(30n);
  });
});
