import { encode, equalBytes, toHex } from '@palisade/core';
import { merkleRoot } from '@palisade/formats';
import { describe, expect, it } from 'vitest';
import { eventsOf } from '../../chain/test/chain-kit.ts';
import { CLIENT_FUNDS, RATE, runningJob, startMarket } from '../test/market-kit.ts';
import { challenge, JOB_STATE, jobFiles, payoutRow, payouts, ROW_STATUS } from './index.ts';

describe('a request', () => {
  it('[C2V-1] [C2V-2] stands in the job file of its block, with the escrow of the whole term locked', async () => {
    const market = await startMarket();
    const { chain } = market;
    const [one, two] = [
      await market.requestTx('alice', { partners: 2, sessions: 5 }),
      await market.requestTx('bert'),
    ];
    const block = await chain.block([one, two]);
    const ids = await Promise.all([one, two].map((tx) => chain.idOf(tx)));
    expect(market.escrow).toBe(2n * 5n * RATE + 3n * RATE);
    expect(chain.free(market.client('alice'))).toBe(CLIENT_FUNDS - 10n * RATE - chain.feeOf(one));
    expect(market.job(ids[0]!)).toMatchObject({ height: chain.height, state: JOB_STATE.confirmed });
    expect(
      eventsOf(block, 'market.job-confirmed')
        .map(({ job }) => job)
        .sort(),
    ).toEqual(ids.map(toHex).sort());
    const ascending = [...ids].sort((a, b) => (toHex(a) < toHex(b) ? -1 : 1));
    const file = jobFiles.need(chain.state, chain.height);
    expect([toHex(file.root), file.jobs]).toEqual([toHex(merkleRoot(ascending)), 2]);
  });

  it('[C2V-1] belongs to whoever signed it: equal words of two clients are two jobs', async () => {
    const market = await startMarket();
    const { chain } = market;
    const alices = await market.requestTx('alice');
    const berts = await market.requestTx('bert');
    await chain.block([alices, berts]);
    const [a, b] = [await chain.idOf(alices), await chain.idOf(berts)];
    expect(equalBytes(a, b)).toBe(false);
    expect(market.job(a).client).toEqual(market.client('alice').id);
    expect(market.job(b).client).toEqual(market.client('bert').id);
  });

  it('[C2V-7.G1] that meets the partner that never delivers is cancelled at the payout after a whole session; only the fee is lost', async () => {
    const market = await startMarket();
    const { chain } = market;
    const tx = await market.requestTx('alice');
    await chain.block([tx]);
    const job = await chain.idOf(tx);
    await chain.endSession();
    expect(market.job(job).state).toBe(JOB_STATE.confirmed);
    const ended = await chain.endSession();
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.cancelled, refunded: 3n * RATE });
    expect(eventsOf(ended, 'market.job-ended')).toMatchObject([{ outcome: '4' }]);
    expect(chain.free(market.client('alice'))).toBe(CLIENT_FUNDS - chain.feeOf(tx));
    expect(market.escrow).toBe(0n);
    expect(market.rows(1n)).toMatchObject([
      { job, status: ROW_STATUS.cancelled, amount: 0n, startHeight: 0n },
    ]);
  });
});

describe('a start', () => {
  it('[P2V-5] is co-signed and counts from the running session while there is time for an audit', async () => {
    const { market, chain, job } = await runningJob();
    expect(market.job(job)).toMatchObject({
      state: JOB_STATE.started,
      active: 1,
      committed: 3n * RATE,
    });
    expect(market.agreement(job, 'p0')).toMatchObject({
      firstSession: chain.session.number,
      lastSession: chain.session.number + 2n,
    });
  });

  it('[P2V-5] late in a session counts from the next one', async () => {
    const market = await startMarket();
    const job = await market.request('alice');
    const left = market.chain.session.startMs + 60_000n - market.chain.timeMs;
    await market.chain.block([], { afterMs: left - 9_000n });
    await market.start('alice', 'p0', job);
    expect(market.agreement(job, 'p0')).toMatchObject({ firstSession: 1n, lastSession: 3n });
  });

  it('by as many partners as are wanted, each with a full copy', async () => {
    const { market, chain, job } = await runningJob({ partners: 2 });
    await market.start('alice', 'p1', job);
    await chain.expectTxRefused('market/job-full', await market.startTx('alice', 'p2', job));
    await market.session(job, 'p0', 'p1');
    expect(market.job(job).paid).toBe(2n * RATE);
  });

  it('with fewer partners than wanted is paid for those, and the job ends with its term', async () => {
    const { market, chain, job } = await runningJob({ partners: 3 });
    for (let i = 0; i < 3; i++) await market.session(job, 'p0');
    // A place is free until the term ends, counted from the session that confirmed the job.
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.started, active: 0 });
    await chain.endSession();
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, paid: 3n * RATE });
    await chain.endSession();
    expect(market.job(job)).toMatchObject({ escrow: 0n, refunded: 6n * RATE });
  });
});

describe('an audit', () => {
  it('that is answered earns the rate, and the payout names the answer', async () => {
    const { market, chain, job } = await runningJob();
    const { number } = chain.session;
    const answered = await market.answer('p0', job);
    expect(eventsOf(answered, 'market.audit-answered')).toMatchObject([
      { amount: RATE.toString() },
    ]);
    const height = chain.height;
    const before = chain.free(market.owner('p0'));
    await chain.endSession();
    expect(chain.free(market.owner('p0')) - before).toBe(RATE);
    expect(market.rows(number)).toMatchObject([
      { job, amount: RATE, answerHeight: height, status: ROW_STATUS.earned, sequence: 1 },
    ]);
  });

  it('that is missed cites its challenge, earns nothing and leaves the money in escrow', async () => {
    const { market, chain, job } = await runningJob();
    const { number, randomness } = chain.session;
    const ended = await chain.endSession();
    const [miss] = eventsOf(ended, 'market.audit-missed');
    const asked = challenge(randomness, job, market.partner('p0').id, market.job(job).size, 3);
    expect(miss).toMatchObject({
      session: number.toString(),
      seed: toHex(randomness),
      leaves: JSON.stringify(asked.map(String)),
    });
    expect(market.job(job)).toMatchObject({ escrow: 3n * RATE, committed: 2n * RATE, paid: 0n });
    expect(market.agreement(job, 'p0')).toMatchObject({ missed: 1, missedInRow: 1 });
  });

  it('asks another thing in every session and of every partner', async () => {
    const { market, chain, job } = await runningJob({ partners: 2 });
    const size = market.job(job).size;
    const ask = (p: 'p0' | 'p1') =>
      challenge(chain.session.randomness, job, market.partner(p).id, size, 3).join();
    const [mine, theirs] = [ask('p0'), ask('p1')];
    await chain.endSession();
    expect(new Set([mine, theirs, ask('p0'), ask('p1')]).size).toBe(4);
  });

  it('of a session in which there was no time to answer is excused, neither paid nor a miss', async () => {
    const { market, chain, job } = await runningJob();
    // The chain stood still: the block right after the start is past the end of the session.
    const { number } = chain.session;
    await chain.block([], { afterMs: 3_600_000n });
    expect(chain.session.number).toBe(number + 1n);
    expect(market.rows(number)).toMatchObject([{ amount: 0n, status: ROW_STATUS.excused }]);
    expect(market.agreement(job, 'p0')).toMatchObject({ missed: 0, missedInRow: 0, answered: 0 });
    // Again, before the new session has any randomness.
    await chain.block([], { afterMs: 3_600_000n });
    expect(market.rows(number + 1n)).toMatchObject([{ status: ROW_STATUS.excused }]);
    expect(market.job(job).committed).toBe(RATE);
  });

  it('of an empty content asks for nothing, but still wants to be answered', async () => {
    const market = await startMarket();
    await market.chain.endSession();
    const job = await market.request('alice', { size: 0n });
    await market.start('alice', 'p0', job);
    expect(market.proofs('p0', job)).toEqual([]);
    await market.session(job, 'p0');
    await market.session(job);
    expect(market.agreement(job, 'p0')).toMatchObject({ answered: 1, missed: 1, paid: RATE });
  });
});

describe('the payout file', () => {
  it('[V2V-5] has a row per agreement that was due, and its root covers the rows in their order', async () => {
    const { market, chain, job } = await runningJob({ partners: 2 });
    await market.start('alice', 'p1', job);
    const { number } = chain.session;
    const ended = await market.session(job, 'p1');
    const rows = market.rows(number);
    expect(rows.map(({ status }) => status).sort()).toEqual([ROW_STATUS.earned, ROW_STATUS.missed]);
    const root = merkleRoot(rows.map((row) => encode(payoutRow, row)));
    const summary = payouts.need(chain.state, number);
    expect(summary).toMatchObject({ rows: 2, total: RATE });
    expect(toHex(summary.root)).toBe(toHex(root));
    expect(eventsOf(ended, 'market.payout-closed')).toMatchObject([
      { root: toHex(root), rows: '2' },
    ]);
  });

  it('[V2V-5] of a quiet session is there too, and empty', async () => {
    const market = await startMarket();
    await market.chain.endSession();
    expect(payouts.need(market.chain.state, 0n)).toMatchObject({ rows: 0, total: 0n });
  });

  it('[V2V-5] tells every job of a block: those of partners, and those that nobody started', async () => {
    const { market, chain, job } = await runningJob();
    const unstarted = await market.request('bert');
    await market.cancel('bert', unstarted);
    await market.session(job, 'p0');
    const told = market.rows(1n).map((row) => [toHex(row.job), row.jobHeight]);
    expect(told.sort()).toEqual(
      [job, unstarted].map((id) => [toHex(id), market.job(id).height]).sort(),
    );
    expect(chain.session.number).toBe(2n);
  });
});
