import { revokeNodeKey, send } from '@palisade/chain/schema';
import { encode, equalBytes, toHex } from '@palisade/core';
import { merkleRoot } from '@palisade/formats';
import { describe, expect, it } from 'vitest';
import { eventsOf } from '../../chain/test/chain-kit.ts';
import { CLIENT_FUNDS, type Market, PARTNER_FUNDS, RATE, startMarket } from '../test/market-kit.ts';
import {
  AGREEMENT_STATE,
  challenge,
  JOB_STATE,
  jobFiles,
  payoutRow,
  payoutRows,
  payouts,
  ROW_STATUS,
  renew,
} from './index.ts';

/** The rows of a session's payout file. */
function rowsOf({ chain }: Market, session: bigint) {
  return [...payoutRows.list(chain.state, session)].map(([, row]) => row);
}

/** A market in which alice's job runs with p0 from the first session on, for three. */
async function begin(terms: Parameters<Market['request']>[1] = {}, rate = RATE) {
  const market = await startMarket();
  // Past the first session, whose randomness is the genesis document's.
  await market.chain.endSession();
  const job = await market.request('alice', terms);
  await market.start('alice', 'p0', job, { rate });
  return { market, chain: market.chain, job };
}

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
    expect(rowsOf(market, 1n)).toMatchObject([
      { job, status: ROW_STATUS.cancelled, amount: 0n, startHeight: 0n },
    ]);
  });
});

describe('a start', () => {
  it('[P2V-5] is co-signed and counts from the running session while there is time for an audit', async () => {
    const { market, chain, job } = await begin();
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
    const { market, chain, job } = await begin({ partners: 2 });
    await market.start('alice', 'p1', job);
    await chain.expectTxRefused('market/job-full', await market.startTx('alice', 'p2', job));
    await market.session(job, 'p0', 'p1');
    expect(market.job(job).paid).toBe(2n * RATE);
  });

  it('with fewer partners than wanted is paid for those, and the job ends with its term', async () => {
    const { market, chain, job } = await begin({ partners: 3 });
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
    const { market, chain, job } = await begin();
    const { number } = chain.session;
    const answered = await market.answer('p0', job);
    expect(eventsOf(answered, 'market.audit-answered')).toMatchObject([
      { amount: RATE.toString() },
    ]);
    const height = chain.height;
    const before = chain.free(market.owner('p0'));
    await chain.endSession();
    expect(chain.free(market.owner('p0')) - before).toBe(RATE);
    expect(rowsOf(market, number)).toMatchObject([
      { job, amount: RATE, answerHeight: height, status: ROW_STATUS.earned, sequence: 1 },
    ]);
  });

  it('that is missed cites its challenge, earns nothing and leaves the money in escrow', async () => {
    const { market, chain, job } = await begin();
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
    const { market, chain, job } = await begin({ partners: 2 });
    const size = market.job(job).size;
    const ask = (p: 'p0' | 'p1') =>
      challenge(chain.session.randomness, job, market.partner(p).id, size, 3).join();
    const [mine, theirs] = [ask('p0'), ask('p1')];
    await chain.endSession();
    expect(new Set([mine, theirs, ask('p0'), ask('p1')]).size).toBe(4);
  });

  it('of a session in which there was no time to answer is excused, neither paid nor a miss', async () => {
    const { market, chain, job } = await begin();
    // The chain stood still: the block right after the start is past the end of the session.
    const { number } = chain.session;
    await chain.block([], { afterMs: 3_600_000n });
    expect(chain.session.number).toBe(number + 1n);
    expect(rowsOf(market, number)).toMatchObject([{ amount: 0n, status: ROW_STATUS.excused }]);
    expect(market.agreement(job, 'p0')).toMatchObject({ missed: 0, missedInRow: 0, answered: 0 });
    // Again, before the new session has any randomness.
    await chain.block([], { afterMs: 3_600_000n });
    expect(rowsOf(market, number + 1n)).toMatchObject([{ status: ROW_STATUS.excused }]);
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
    const { market, chain, job } = await begin({ partners: 2 });
    await market.start('alice', 'p1', job);
    const { number } = chain.session;
    const ended = await market.session(job, 'p1');
    const rows = rowsOf(market, number);
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
    const { market, chain, job } = await begin();
    const unstarted = await market.request('bert');
    await market.cancel('bert', unstarted);
    await market.session(job, 'p0');
    const told = rowsOf(market, 1n).map((row) => [toHex(row.job), row.jobHeight]);
    expect(told.sort()).toEqual(
      [job, unstarted].map((id) => [toHex(id), market.job(id).height]).sort(),
    );
    expect(chain.session.number).toBe(2n);
  });
});

describe('the end of a job', () => {
  it('[C2V-7] comes with the term: paid in full, completed, nothing left in escrow', async () => {
    const { market, chain, job } = await begin();
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
    const { market, chain, job } = await begin();
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
    const { market, chain, job } = await begin();
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
    const { market, chain, job } = await begin();
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
    expect(rowsOf(market, 1n)).toEqual([]);
  });

  it('a receipt stands: a voucher that was signed before and not filed cannot move the end', async () => {
    const { market, chain, job } = await begin();
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
    const { market, chain, job } = await begin();
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

describe('a renewal', () => {
  it('locks what the longer term may cost, and a new voucher prolongs the agreement', async () => {
    const { market, job } = await begin();
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
    const { market, chain, job } = await begin({ maxRate: 2n * RATE });
    await market.answer('p0', job);
    await market.start('alice', 'p0', job, { sequence: 2, rate: 2n * RATE });
    expect(market.job(job).committed).toBe(6n * RATE);
    await chain.expectTxRefused('market/audit-answered', await market.answerTx('p0', job));
    await chain.endSession();
    expect(market.job(job)).toMatchObject({ paid: 2n * RATE, committed: 4n * RATE });
  });

  it('after some sessions binds only what is still ahead', async () => {
    const { market, job } = await begin({ sessions: 4, maxRate: 3n * RATE });
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
    const { market, chain, job } = await begin({ sessions: 1 });
    await market.answer('p0', job);
    await market.renew('alice', job, 1);
    await market.start('alice', 'p0', job, { sequence: 2, sessions: 2 });
    await chain.endSession();
    expect(market.agreement(job, 'p0').state).toBe(AGREEMENT_STATE.active);
    await market.session(job, 'p0');
    expect(market.job(job)).toMatchObject({ state: JOB_STATE.completed, paid: 2n * RATE });
  });

  it('can go on for ever: only what is still ahead counts against the longest term', async () => {
    const { market, chain, job } = await begin({ sessions: 20 });
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
    const { market, chain, job } = await begin({ partners: 2, sessions: 1 });
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

describe('a partner that disappears', () => {
  it('[P2V-5] is lost after three misses in a row; another takes its place with what is left', async () => {
    const { market, chain, job } = await begin({ sessions: 8 });
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
    const { market, job } = await begin({ sessions: 8 });
    for (const here of [false, false, true, false, false, true])
      await market.session(job, ...(here ? (['p0'] as const) : []));
    expect(market.agreement(job, 'p0')).toMatchObject({ state: AGREEMENT_STATE.active, missed: 4 });
  });

  it('and is not replaced leaves a cancelled job at the end of the term, and the money to the client', async () => {
    const { market, chain, job } = await begin({ sessions: 4 });
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
    const { market, chain, job } = await begin();
    await market.answer('p0', job);
    await chain.run(market.owner('p0'), revokeNodeKey, { nodeKey: market.partner('p0').id });
    const before = chain.free(market.owner('p0'));
    await chain.endSession();
    expect(chain.free(market.owner('p0')) - before).toBe(RATE);
    await chain.expectTxRefused('accounts/revoked-node-key', await market.answerTx('p0', job));
  });

  it('and a client that emptied its account still get what is theirs', async () => {
    const { market, chain, job } = await begin({ maxRate: 10n }, 10n);
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
