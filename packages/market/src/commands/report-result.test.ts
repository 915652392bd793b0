import { digestOf } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { eventsOf } from '../../../chain/test/chain-kit.ts';
import {
  type Market,
  type PartnerName,
  startMarket,
  TEST_PARAMS,
  UNLIMITED,
} from '../../test/market-kit.ts';
import { UTILITY } from '../job.ts';
import { RUN_END, runResult } from '../messages/computation.ts';
import { standingOf } from '../standing/notes.ts';
import { ROLE } from '../standing/records.ts';
import { scoreOf } from '../standing/score.ts';
import { reportResult } from './report-result.ts';

const WORK = new Uint8Array(32).fill(5);
/** Who has a receipt is known. */
const ONE_RECEIPT = {
  ...TEST_PARAMS,
  standing: {
    ...UNLIMITED,
    probationReceipts: 1,
    probationAgreements: 9,
    probationValue: 10n ** 30n,
  },
};

/** Alice had p0 and p1 do a work in one job, and p2 in another one. */
async function begin(known: readonly PartnerName[] = ['p1', 'p2'], owners: object = {}) {
  const own = { p0: 'p0-owner', p1: 'p1-owner', p2: 'p2-owner', p3: 'p3-owner', v0: 'v0-owner' };
  const market = await startMarket({ market: ONE_RECEIPT, machines: { ...own, ...owners } });
  await market.chain.endSession();
  for (const partner of known) await makeKnown(market, partner);
  // A receipt counts when it is paid.
  await market.chain.endSession();
  const terms = { utility: UTILITY.computation, sessions: 1, subject: WORK, partners: 2 };
  const both = await market.request('alice', terms);
  await market.start('alice', 'p0', both);
  await market.start('alice', 'p1', both);
  const third = await market.request('alice', { ...terms, partners: 1 });
  await market.start('alice', 'p2', third);
  return { market, both, third };
}

/** Bert has something computed by a partner, and signs for it. */
async function makeKnown(market: Market, partner: PartnerName): Promise<void> {
  const job = await market.request('bert', { utility: UTILITY.computation, sessions: 1 });
  await market.start('bert', partner, job);
  await market.complete('bert', partner, job, market.chain.session.number, {
    units: 1n,
    amount: 1n,
  });
}

/** A result that a partner signed; the output is all of one byte. */
async function said(market: Market, partner: PartnerName, job: Uint8Array, byte: number) {
  const output = new Uint8Array(32).fill(byte);
  const result = { job, end: RUN_END.finished, output, outputSize: 3, fuel: 100n };
  const signer = market.partner(partner);
  const signature = await signer.sign(digestOf(runResult, result, market.chain.domain));
  return { ...result, partner: signer.id, signature };
}

async function evidence({ market, both, third }: Awaited<ReturnType<typeof begin>>) {
  return {
    rejected: await said(market, 'p0', both, 9),
    first: await said(market, 'p1', both, 1),
    second: await said(market, 'p2', third, 1),
  };
}

function scoreIn({ chain }: Market, partner: Uint8Array) {
  return scoreOf(standingOf(chain.state, ROLE.partner, partner, chain.session.number));
}

describe('evidence of a wrong result', () => {
  it('costs the partner that stood alone of its score, once', async () => {
    const story = await begin();
    const { market, both } = story;
    const report = await evidence(story);
    const before = scoreIn(market, market.partner('p0').id);
    const block = await market.chain.run(market.client('alice'), reportResult, report);
    expect(eventsOf(block, 'market.result-rejected')).toHaveLength(1);
    expect(eventsOf(block, 'market.fault-noted')).toHaveLength(1);
    await market.chain.expectRefused(
      'market/result-reported',
      market.client('alice'),
      reportResult,
      report,
    );
    expect(scoreIn(market, market.partner('p0').id)).toBeLessThan(before);
    expect(market.agreement(both, 'p0')).toMatchObject({ paid: 0n });
  });

  it('is none unless two agree and a third differs, about the same work', async () => {
    const story = await begin();
    const { market, both, third } = story;
    const good = await evidence(story);
    const refused = (change: object, code = 'market/no-evidence') =>
      market.chain.expectRefused(code, market.client('alice'), reportResult, {
        ...good,
        ...change,
      });
    await refused({ second: await said(market, 'p2', third, 2) });
    await refused({ second: good.first });
    await refused({ rejected: await said(market, 'p0', both, 1) });
    const other = await market.request('alice', {
      utility: UTILITY.computation,
      sessions: 1,
      subject: new Uint8Array(32),
    });
    await market.start('alice', 'p3', other);
    await refused({ second: await said(market, 'p3', other, 1) });
    await refused({ second: await said(market, 'p3', third, 1) }, 'market/no-agreement');
    const kept = await market.request('alice', { sessions: 1, subject: WORK });
    await market.start('alice', 'p3', kept);
    await refused({ second: await said(market, 'p3', kept, 1) }, 'market/no-agreement');
    const forged = { ...good.second, partner: market.partner('p1').id, job: both };
    await refused({ second: forged }, 'market/result-not-signed');
    await refused({ rejected: { ...good.rejected, fuel: 1n } }, 'market/result-not-signed');
    await refused(
      { rejected: { ...good.rejected, job: new Uint8Array(32) } },
      'market/no-such-job',
    );
    await market.chain.expectRefused(
      'market/not-the-client',
      market.client('bert'),
      reportResult,
      good,
    );
  });

  it('is no evidence when nobody knows the witnesses', async () => {
    const story = await begin(['p1']);
    await story.market.chain.expectRefused(
      'market/no-witness',
      story.market.client('alice'),
      reportResult,
      await evidence(story),
    );
  });

  const related = {
    'the client itself': { p1: 'alice' },
    'one and the same': { p1: 'p2-owner' },
  };
  for (const [who, owners] of Object.entries(related))
    it(`is no evidence when the account behind the witnesses is ${who}`, async () => {
      const story = await begin(['p1', 'p2'], owners);
      await story.market.chain.expectRefused(
        'market/no-witness',
        story.market.client('alice'),
        reportResult,
        await evidence(story),
      );
    });
});
