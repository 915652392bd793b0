import { describe, expect, it } from 'vitest';
import { PAL } from '../../chain/test/chain-kit.ts';
import { type Market, RATE, runningJob, startMarket, TEST_PARAMS } from '../test/market-kit.ts';
import { answerAudit, cancel, complete, partnerComplete, renew, start } from './index.ts';

const FOREIGN = 'market/not-the-client';

const begin = () => runningJob({ partners: 2 });

describe('a request is refused', () => {
  const lies = {
    'market/unknown-utility': { utility: 4 },
    'market/bad-partners': { partners: 0 },
    'market/bad-term': { sessions: 0 },
    'market/too-large': { size: TEST_PARAMS.maxSize + 1n },
    'accounts/insufficient-funds': { maxRate: 2n ** 128n - 1n },
  };
  for (const [code, terms] of Object.entries(lies))
    it(`with ${code}`, async () => {
      const market = await startMarket();
      await market.chain.block();
      const tx = await market.requestTx('alice', terms);
      await market.chain.expectTxRefused(code, tx);
    });

  it('beyond the largest numbers of partners and sessions', async () => {
    const market = await startMarket();
    await market.chain.block();
    const many = await market.requestTx('alice', { partners: 33 });
    await market.chain.expectTxRefused('market/bad-partners', many);
    const long = await market.requestTx('alice', { sessions: TEST_PARAMS.maxSessions + 1 });
    await market.chain.expectTxRefused('market/bad-term', long);
  });

  it('when it is sent a second time', async () => {
    const market = await startMarket();
    const tx = await market.requestTx('alice');
    await market.chain.block([tx]);
    await market.chain.expectTxRefused('accounts/nonce-used', tx);
  });
});

describe('a start is refused', () => {
  it('[P2V-5] without the voucher of this client, for this job, this partner and these terms', async () => {
    const { market, chain, job } = await begin();
    const p1 = market.partner('p1');
    const forged = await market.voucher('bert', 'p1', job);
    await chain.expectRefused('market/voucher-not-signed', p1, start, forged);
    const forAnother = await market.voucher('alice', 'p2', job);
    await chain.expectRefused('market/voucher-not-signed', p1, start, forAnother);
    const good = await market.voucher('alice', 'p1', job);
    for (const change of [{ sequence: 2 }, { rate: RATE - 1n }, { sessions: 2 }])
      await chain.expectRefused('market/voucher-not-signed', p1, start, { ...good, ...change });
    const other = await market.request('alice');
    await chain.expectRefused('market/voucher-not-signed', p1, start, { ...good, job: other });
    const signature = good.clientSignature.with(5, good.clientSignature[5]! ^ 1);
    const flipped = { ...good, clientSignature: signature };
    await chain.expectRefused('market/voucher-not-signed', p1, start, flipped);
  });

  it('above the rate and the term that the client asked for', async () => {
    const { market, chain, job } = await begin();
    const dear = await market.startTx('alice', 'p1', job, { rate: RATE + 1n });
    await chain.expectTxRefused('market/rate-too-high', dear);
    const long = await market.startTx('alice', 'p1', job, { sessions: 4 });
    await chain.expectTxRefused('market/bad-term', long);
    const short = await market.startTx('alice', 'p1', job, { sessions: 0 });
    await chain.expectTxRefused('market/bad-term', short);
  });

  it('when the escrow does not cover it any more', async () => {
    const market = await startMarket({ market: { missesToLose: 1 } });
    const { chain } = market;
    await chain.endSession();
    const job = await market.request('alice', { sessions: 4 });
    await market.start('alice', 'p0', job);
    await market.session(job, 'p0');
    await market.session(job);
    // p0 is lost; three of four rates are left.
    await chain.expectTxRefused(
      'market/escrow-too-small',
      await market.startTx('alice', 'p1', job),
    );
    await market.start('alice', 'p1', job, { sessions: 3 });
    expect(market.job(job)).toMatchObject({ escrow: 3n * RATE, committed: 3n * RATE });
  });

  it('[4.5] by a second voucher of the same sequence, whatever it says, and by an older one', async () => {
    const { market, chain, job } = await begin();
    await market.renew('alice', job, 2);
    const more = await market.startTx('alice', 'p0', job, { sequence: 1, sessions: 5 });
    await chain.expectTxRefused('market/voucher-not-newer', more);
    const same = await market.startTx('alice', 'p0', job, { sequence: 1, sessions: 3 });
    await chain.expectTxRefused('market/voucher-not-newer', same);
    const older = await market.startTx('alice', 'p0', job, { sequence: 0, sessions: 5 });
    await chain.expectTxRefused('market/voucher-not-newer', older);
  });

  it('[4.5] by a newer voucher for less: a voucher only raises', async () => {
    const { market, chain, job } = await begin();
    const shorter = await market.startTx('alice', 'p0', job, { sequence: 2, sessions: 2 });
    await chain.expectTxRefused('market/voucher-not-newer', shorter);
    const cheaper = await market.startTx('alice', 'p0', job, { sequence: 2, rate: RATE - 1n });
    await chain.expectTxRefused('market/voucher-not-newer', cheaper);
  });

  it('of a job that is unknown', async () => {
    const { market, chain, job } = await begin();
    const voucher = await market.voucher('alice', 'p1', job);
    await chain.expectRefused('market/no-such-job', market.partner('p1'), start, {
      ...voucher,
      job: new Uint8Array(32),
    });
  });

  it('by a machine that no account has bound', async () => {
    const { market, chain, job } = await begin();
    const fields = await market.voucher('alice', 'p1', job);
    const stray = chain.machine('stray');
    await chain.expectRefused('accounts/unbound-node-key', stray, start, fields);
  });

  it('when it is sent a second time', async () => {
    const { market, chain, job } = await begin();
    const tx = await market.startTx('alice', 'p1', job);
    await chain.block([tx]);
    await chain.expectTxRefused('accounts/nonce-used', tx);
    const again = await market.startTx('alice', 'p1', job);
    await chain.expectTxRefused('market/voucher-not-newer', again);
  });
});

describe('an answer is refused', () => {
  const by = (market: Market) => market.partner('p0');

  it('with another content, another leaf, another order, too few, too many', async () => {
    const { market, chain, job } = await begin();
    const good = market.answerFields('p0', job);
    const [first, second, third] = good.proofs as [
      (typeof good.proofs)[0],
      (typeof good.proofs)[0],
      (typeof good.proofs)[0],
    ];
    const damaged = { ...first, leaf: first.leaf.with(0, first.leaf[0]! ^ 1) };
    const wrong = (proofs: typeof good.proofs) => ({ ...good, proofs });
    const shown = 'market/wrong-leaves';
    await chain.expectRefused(
      'market/proof-wrong',
      by(market),
      answerAudit,
      wrong([damaged, second, third]),
    );
    await chain.expectRefused(shown, by(market), answerAudit, wrong([second, first, third]));
    await chain.expectRefused(shown, by(market), answerAudit, wrong([first, second]));
    await chain.expectRefused(shown, by(market), answerAudit, wrong([first, second, third, third]));
    await chain.expectRefused(shown, by(market), answerAudit, wrong([]));
    const moved = { ...first, path: first.path.slice(1) };
    await chain.expectRefused(
      'market/proof-wrong',
      by(market),
      answerAudit,
      wrong([moved, second, third]),
    );
  });

  it('with what another partner was asked for', async () => {
    const { market, chain, job } = await begin();
    await market.start('alice', 'p1', job);
    const theirs = market.answerFields('p1', job);
    await chain.expectRefused('market/wrong-leaves', by(market), answerAudit, theirs);
  });

  it('of another session, and a recorded one of the session before', async () => {
    const { market, chain, job } = await begin();
    const recorded = market.answerFields('p0', job);
    await chain.endSession();
    await chain.expectRefused('market/wrong-session', by(market), answerAudit, recorded);
    const { number } = chain.session;
    await chain.expectRefused('market/wrong-leaves', by(market), answerAudit, {
      ...recorded,
      session: number,
    });
    await chain.expectRefused('market/wrong-session', by(market), answerAudit, {
      ...market.answerFields('p0', job),
      session: number + 1n,
    });
  });

  it('a second time in a session', async () => {
    const { market, chain, job } = await begin();
    await market.answer('p0', job);
    await chain.expectTxRefused('market/audit-answered', await market.answerTx('p0', job));
  });

  it('of nobody who has an agreement', async () => {
    const { market, chain, job } = await begin();
    await chain.expectTxRefused('market/no-agreement', await market.answerTx('p1', job));
  });

  it('before the first audited session', async () => {
    const market = await startMarket();
    const { chain } = market;
    const job = await market.request('alice');
    await chain.block([], { afterMs: 52_000n });
    await market.start('alice', 'p0', job);
    await chain.expectTxRefused('market/no-audit-due', await market.answerTx('p0', job));
  });

  it('before the session has its randomness', async () => {
    const { market, chain, job } = await begin();
    await chain.block([], { afterMs: 60_000n });
    expect(chain.session.randomnessHeight).toBe(0n);
    await chain.expectTxRefused('market/no-randomness-yet', await market.answerTx('p0', job));
  });
});

describe('a receipt is refused', () => {
  it('that the other side did not sign, or signed for something else', async () => {
    const { market, chain, job } = await begin();
    const { number } = chain.session;
    const alice = market.client('alice');
    const good = await market.partnerSigned('p0', job, number);
    const unsigned = 'market/receipt-not-signed';
    const foreign = await market.partnerSigned('p1', job, number);
    await chain.expectRefused(unsigned, alice, complete, { ...foreign, partner: good.partner });
    await chain.expectRefused(unsigned, alice, complete, { ...good, lastSession: number + 1n });
    const p0 = market.partner('p0');
    const fromBert = await market.clientSigned('bert', 'p0', job, number);
    await chain.expectRefused(unsigned, p0, partnerComplete, fromBert);
    const fromAlice = await market.clientSigned('alice', 'p0', job, number);
    await chain.expectRefused(unsigned, p0, partnerComplete, {
      ...fromAlice,
      lastSession: number + 1n,
    });
  });

  it('of another voucher than the one in force', async () => {
    const { market, chain, job } = await begin();
    const old = await market.partnerSigned('p0', job, chain.session.number, 1);
    await market.start('alice', 'p0', job, { sequence: 2 });
    await chain.expectRefused('market/other-voucher', market.client('alice'), complete, old);
  });

  it('for a session that is over, or after the term', async () => {
    const { market, chain, job } = await begin();
    const { number } = chain.session;
    for (const last of [number - 1n, number + 3n]) {
      const fields = await market.partnerSigned('p0', job, last);
      await chain.expectRefused(
        'market/bad-last-session',
        market.client('alice'),
        complete,
        fields,
      );
    }
  });

  it('filed by a stranger', async () => {
    const { market, chain, job } = await begin();
    const fields = await market.partnerSigned('p0', job, chain.session.number);
    await chain.expectRefused(FOREIGN, market.client('bert'), complete, fields);
  });

  it('of a job or an agreement that is not there', async () => {
    const { market, chain, job } = await begin();
    const fields = await market.partnerSigned('p1', job, chain.session.number);
    await chain.expectRefused('market/no-agreement', market.client('alice'), complete, fields);
    const nowhere = { ...fields, job: new Uint8Array(32) };
    await chain.expectRefused('market/no-such-job', market.client('alice'), complete, nowhere);
  });

  it('when it is replayed after its agreement ended', async () => {
    const { market, chain, job } = await begin();
    const fields = await market.partnerSigned('p0', job, chain.session.number);
    await chain.run(market.client('alice'), complete, fields);
    await chain.endSession();
    await chain.expectRefused('market/no-agreement', market.client('alice'), complete, fields);
  });
});

describe('cancelling and renewing are refused', () => {
  it('to strangers, for unknown jobs, and for jobs that are over', async () => {
    const { market, chain, job } = await begin();
    const [alice, bert] = [market.client('alice'), market.client('bert')];
    const unknown = new Uint8Array(32);
    await chain.expectRefused(FOREIGN, bert, cancel, { job });
    await chain.expectRefused('market/no-such-job', alice, cancel, { job: unknown });
    await chain.expectRefused(FOREIGN, bert, renew, { job, sessions: 1 });
    await chain.expectRefused('market/no-such-job', alice, renew, { job: unknown, sessions: 1 });
    await market.cancel('alice', job);
    await chain.expectRefused('market/job-over', alice, cancel, { job });
    await chain.expectRefused('market/job-over', alice, renew, { job, sessions: 1 });
  });

  it('to a client that cannot lock the escrow, or adds nothing, or too much', async () => {
    const market = await startMarket();
    const { chain } = market;
    const alice = market.client('alice');
    const job = await market.request('alice', { sessions: 1, maxRate: 600n * PAL });
    const poor = { job, sessions: 1 };
    await chain.expectRefused('accounts/insufficient-funds', alice, renew, poor);
    await chain.expectRefused('market/bad-term', alice, renew, { job, sessions: 0 });
    const most = TEST_PARAMS.maxSessions;
    await chain.expectRefused('market/bad-term', alice, renew, { job, sessions: most });
    await chain.expectRefused('market/bad-term', alice, renew, { job, sessions: 2 ** 32 - 1 });
  });
});

describe('a renewal is refused', () => {
  it('that would make a term longer than 32 bits count, however much of it has passed', async () => {
    const most = 2 ** 32 - 1;
    const market = await startMarket({ market: { maxSessions: most } });
    const { chain } = market;
    const job = await market.request('alice', { sessions: most, maxRate: 1n });
    await chain.endSession();
    const longer = { job, sessions: 1 };
    await chain.expectRefused('market/bad-term', market.client('alice'), renew, longer);
  });
});

describe('genesis is refused', () => {
  it('with limits that would let a command exceed what contents, answers and pages can hold', async () => {
    const limits = [
      { maxSize: 2n ** 38n + 1n },
      { auditSamples: 33 },
      { auditSamples: 0 },
      { maxPartners: 101 },
      { missesToLose: 0 },
    ];
    for (const market of limits)
      await expect(startMarket({ market })).rejects.toMatchObject({ code: 'chain/bad-genesis' });
  });

  it('the largest content that may be asked for can be audited', async () => {
    const market = await startMarket();
    await market.chain.endSession();
    const job = await market.request('alice', { size: 2n ** 38n });
    await market.start('alice', 'p0', job);
    await market.chain.endSession();
    expect(market.agreement(job, 'p0').missed).toBe(1);
  });
});
