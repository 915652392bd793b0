/** Stories of who is trusted with what, on a whole chain. */
import { revokeNodeKey } from '@palisade/chain/schema';
import { describe, expect, it } from 'vitest';
import { eventsOf, PAL, validatorOf } from '../../../chain/test/chain-kit.ts';
import {
  type ClientName,
  type Market,
  PARTNER_FUNDS,
  type PartnerName,
  RATE,
  startMarket,
  TEST_PARAMS,
} from '../../test/market-kit.ts';
import {
  DEFAULT_STANDING_PARAMS,
  FAULT,
  mayTakeQuery,
  postBond,
  ROLE,
  returnBond,
  type StandingParams,
  UTILITY,
} from '../schema.ts';
import { mayBeDrawn } from './queries.ts';

/** The rules of a public chain, with what every story leaves out: bonds and a long probation. */
const OPEN: StandingParams = {
  ...DEFAULT_STANDING_PARAMS,
  unitValue: RATE,
  testimonyHalf: 1n,
  periodSessions: 1,
  probationReceipts: 0,
  bond: 0n,
  exposureFloor: 1000n * PAL,
};
/** A partner is new for a long time, but may work as it likes. */
const LENIENT: StandingParams = {
  ...OPEN,
  probationReceipts: 20,
  probationAgreements: 9,
  probationValue: 99n * PAL,
};
/** With everything that a new partner meets. */
const STRICT: StandingParams = {
  ...OPEN,
  probationReceipts: 20,
  probationAgreements: 1,
  probationValue: 3n * RATE,
  bond: 44n * PAL,
  bondSessions: 5,
  exposureFloor: 0n,
};

async function begin(standing: Partial<StandingParams> = {}, base = OPEN): Promise<Market> {
  const limits = { ...base, ...standing };
  const market = await startMarket({
    market: { ...TEST_PARAMS, missesToLose: 200, standing: limits },
  });
  await market.chain.endSession();
  return market;
}

/** A job of alice's that runs with a partner. */
async function hired(market: Market, partner: PartnerName, terms = {}): Promise<Uint8Array> {
  const job = await market.request('alice', terms);
  await market.start('alice', partner, job);
  return job;
}

/** Whether a partner could start a job of alice's now, or why not. */
async function expectBarred(market: Market, code: string, partner: PartnerName, terms = {}) {
  const job = await market.request('alice', terms);
  await market.chain.expectTxRefused(code, await market.startTx('alice', partner, job));
}

describe('one strike for newcomers', () => {
  it('[P2V-2.G3] the first failed unit job bars a new partner, and it is told how to recover', async () => {
    const market = await begin({ periodSessions: 1000 }, LENIENT);
    const job = await hired(market, 'p0');
    const ended = await market.session(job);
    expect(market.standing('p0')).toMatchObject({ score: 317, receipts: 0, failuresInRow: 1 });
    expect(eventsOf(ended, 'market.fault-noted')).toMatchObject([
      { role: `${ROLE.partner}`, fault: `${FAULT.audit}`, warning: '0', score: '317' },
    ]);
    const partner = market.partner('p0').id;
    const told = market.ask(mayTakeQuery, { partner, agreements: 1, value: RATE })!;
    expect(told.code).toBe('market/low-score');
    expect(told.message).toBe('The score is 317; new agreements take 420 or more.');
    expect(told.next).toContain('Answer the audits of what runs');
    await expectBarred(market, 'market/low-score', 'p0');
    // What runs already may still be prolonged.
    await market.renew('alice', job, 2);
    await market.start('alice', 'p0', job, { sequence: 2 });
  });

  it('who answers what still runs climbs back, each meeting with the same client by less', async () => {
    const market = await begin({ periodSessions: 1000 }, LENIENT);
    const job = await hired(market, 'p0', { sessions: 9 });
    await market.session(job);
    const scores: number[] = [];
    for (let i = 0; i < 3; i++) {
      await market.session(job, 'p0');
      scores.push(market.standing('p0').score);
    }
    // Weights 1, 1/2, 1/4 on top of (4.4178, 9.5322).
    expect(scores).toEqual([363, 383, 393]);
    expect(market.standing('p0').receipts).toBe(3);
  });

  it('a known partner is warned first, once in a period', async () => {
    const market = await begin({ periodSessions: 1000 });
    const job = await hired(market, 'p0');
    const ended = await market.session(job);
    expect(eventsOf(ended, 'market.fault-noted')).toMatchObject([{ warning: '1', score: '444' }]);
    await hired(market, 'p0');
    const again = await market.session(job);
    expect(eventsOf(again, 'market.fault-noted')).toMatchObject([
      { warning: '0', score: '317' },
      { warning: '0' },
    ]);
  });

  it('a session that left no time to answer is held against nobody', async () => {
    const market = await begin({}, LENIENT);
    await hired(market, 'p0');
    await market.chain.block([], { afterMs: 61_000n });
    expect(market.standing('p0')).toMatchObject({ score: 444, failuresInRow: 0 });
  });
});

describe('passive recovery', () => {
  it('closes half of what is left to 444 in every period, and stops there', async () => {
    const market = await begin({}, LENIENT);
    const job = await hired(market, 'p0', { sessions: 1 });
    const scores: number[] = [];
    await market.session(job);
    for (let i = 0; i < 9; i++) {
      scores.push(market.standing('p0').score);
      await market.chain.endSession();
    }
    expect(scores).toEqual([380, 412, 428, 436, 440, 442, 443, 444, 444]);
    await hired(market, 'p0');
  });
});

describe('containment', () => {
  it('after five failures in a row there is no new work until one audit is passed', async () => {
    const market = await begin({ leastPartnerScore: 0, containedPeriods: 50 });
    const job = await hired(market, 'p0', { sessions: 9 });
    for (let i = 0; i < 4; i++) await market.session(job);
    await hired(market, 'p0', { sessions: 1 });
    await market.session(job);
    expect(market.standing('p0')).toMatchObject({ contained: 1, failuresInRow: 6 });
    await expectBarred(market, 'market/contained', 'p0');
    const passed = await market.session(job, 'p0');
    expect(eventsOf(passed, 'market.containment-ended')).toHaveLength(1);
    expect(market.standing('p0')).toMatchObject({ contained: 0, failuresInRow: 0 });
    await hired(market, 'p0');
  });

  it('is not ended by what a client pays: it could be the own one of the partner', async () => {
    const market = await begin({ leastPartnerScore: 0, containedPeriods: 50 });
    const job = await hired(market, 'p0', { sessions: 9 });
    const use = await hired(market, 'p0', { sessions: 9, utility: UTILITY.computation });
    for (let i = 0; i < 5; i++) await market.session(job);
    await market.file('alice', 'p0', use, { sequence: 1, units: 1n, amount: RATE });
    await market.chain.endSession();
    expect(market.standing('p0')).toMatchObject({ contained: 1, receipts: 1 });
    await market.session(job, 'p0');
    expect(market.standing('p0')).toMatchObject({ contained: 0, receipts: 2 });
  });

  it('ends by itself after its periods for whom nobody can challenge', async () => {
    const market = await begin({ leastPartnerScore: 0, containedPeriods: 2 });
    const job = await hired(market, 'p0', { sessions: 5 });
    for (let i = 0; i < 5; i++) await market.session(job);
    await expectBarred(market, 'market/contained', 'p0');
    await market.chain.endSession();
    await hired(market, 'p0');
  });
});

describe('a newcomer', () => {
  it('[P2V-2.G3] the whitewasher who leaves a bad name behind meets a bond, one small job at a time, and one strike again', async () => {
    const market = await begin({}, STRICT);
    const { chain } = market;
    await market.postBond('p0', 44n * PAL);
    const failed = await hired(market, 'p0', { sessions: 1 });
    await market.session(failed);
    await expectBarred(market, 'market/low-score', 'p0', { sessions: 1 });
    // It comes again as somebody else, and what the first name had put up stays with that.
    const old = { partner: market.partner('p0').id };
    await chain.expectRefused('market/bond-held', market.owner('p0'), returnBond, old);
    await expectBarred(market, 'market/no-bond', 'p1');
    const asks = { partner: market.partner('p1').id, agreements: 1, value: RATE };
    expect(market.ask(mayTakeQuery, asks)!.message).toBe(
      'A new partner posts a bond of 44 PAL; 0 PAL are posted.',
    );
    await chain.expectRefused('market/bond-too-small', market.partner('p1'), postBond, {
      total: 43n * PAL,
    });
    await chain.expectRefused('accounts/insufficient-funds', market.partner('p1'), postBond, {
      total: 10n * PARTNER_FUNDS,
    });
    const before = chain.free(market.owner('p1'));
    const block = await market.postBond('p1', 44n * PAL);
    expect(eventsOf(block, 'market.bond-posted')).toMatchObject([{ total: `${44n * PAL}` }]);
    expect(before - chain.free(market.owner('p1'))).toBeGreaterThanOrEqual(44n * PAL);
    await expectBarred(market, 'market/on-probation', 'p1', { sessions: 4 });
    const job = await hired(market, 'p1');
    await expectBarred(market, 'market/on-probation', 'p1', { sessions: 1 });
    await market.session(job);
    await market.session(job);
    await market.session(job);
    // Had the first session ended a period ago, the score would be higher; it is low all the same.
    await expectBarred(market, 'market/low-score', 'p1', { sessions: 1 });
  });

  it('posts a bond also where nobody waits for receipts: what counts as known has served its time', async () => {
    const market = await begin({}, { ...OPEN, bond: 44n * PAL });
    await expectBarred(market, 'market/no-bond', 'p1');
    await market.postBond('p1', 44n * PAL);
    await hired(market, 'p1');
  });

  it('the bond is the same when it is posted twice, and comes back to its account after its time', async () => {
    const market = await begin({}, STRICT);
    const { chain } = market;
    const [partner, owner] = [market.partner('p0').id, market.owner('p0')];
    const free = chain.free(owner);
    await market.postBond('p0', 44n * PAL);
    await chain.expectRefused('market/bond-too-small', market.partner('p0'), postBond, {
      total: 44n * PAL,
    });
    await market.postBond('p0', 50n * PAL);
    expect(market.standing('p0').bond).toBe(50n * PAL);
    await chain.expectRefused('market/bond-held', owner, returnBond, { partner });
    for (let i = 0; i < 5; i++) await chain.endSession();
    await chain.expectRefused('market/no-bond', market.owner('p1'), returnBond, { partner });
    await chain.run(owner, returnBond, { partner });
    expect(market.standing('p0').bond).toBe(0n);
    expect(free - chain.free(owner)).toBeLessThan(PAL / 10n);
    await chain.expectRefused('market/no-bond', owner, returnBond, { partner });
    // It has served its time, but nobody knows this partner yet.
    await expectBarred(market, 'market/no-bond', 'p0');
  });

  it('a partner with its receipts and its time served needs no bond any more', async () => {
    const market = await begin(
      { probationReceipts: 3, bondSessions: 2, exposurePpm: 1_000_000 },
      STRICT,
    );
    const { chain } = market;
    await market.postBond('p0', 44n * PAL);
    const job = await hired(market, 'p0');
    for (let i = 0; i < 3; i++) await market.session(job, 'p0');
    await chain.run(market.owner('p0'), returnBond, { partner: market.partner('p0').id });
    await hired(market, 'p0', { sessions: 1 });
  });

  it('a revoked machine does not keep its owner from the bond', async () => {
    const market = await begin({ bondSessions: 0 }, STRICT);
    const { chain } = market;
    await market.postBond('p0', 44n * PAL);
    const partner = market.partner('p0').id;
    await chain.run(market.owner('p0'), revokeNodeKey, { nodeKey: partner });
    await chain.run(market.owner('p0'), returnBond, { partner });
  });
});

describe('the exit scammer', () => {
  it('has no more in flight than its bond and a share of what it ever earned', async () => {
    const market = await begin({ ...STRICT, probationReceipts: 0, bond: 5n * RATE }, STRICT);
    await market.postBond('p0', 5n * RATE);
    const job = await hired(market, 'p0', { sessions: 4 });
    expect(market.standing('p0')).toMatchObject({
      agreements: 1,
      inFlight: 4n * RATE,
      inFlightLimit: 5n * RATE,
    });
    await expectBarred(market, 'market/over-exposed', 'p0', { sessions: 2 });
    // Prolonging what runs binds value as well.
    await market.renew('alice', job, 2);
    await market.chain.expectTxRefused(
      'market/over-exposed',
      await market.startTx('alice', 'p0', job, { sequence: 2 }),
    );
    const partner = market.partner('p0').id;
    for (let i = 0; i < 5; i++)
      await market.session(job, 'p0').catch(() => market.chain.endSession());
    expect(market.standing('p0')).toMatchObject({ agreements: 0, inFlight: 0n });
    expect(market.standing('p0').inFlightLimit).toBeGreaterThan(6n * RATE);
    await hired(market, 'p0', { sessions: 6 });
    // The bond answers for what is in flight: it stays.
    await market.chain.expectRefused('market/over-exposed', market.owner('p0'), returnBond, {
      partner,
    });
  });

  it('a veteran that stops working is contained long before its score falls', async () => {
    const market = await begin({ ...LENIENT, probationReceipts: 3 });
    const jobs: Uint8Array[] = [];
    for (let i = 0; i < 6; i++) jobs.push(await hired(market, 'p0', { sessions: 20 }));
    for (let i = 0; i < 15; i++) {
      for (const job of jobs) await market.answer('p0', job);
      await market.chain.endSession();
    }
    const before = market.standing('p0').score;
    expect(before).toBeGreaterThan(750);
    // All six fail at once; the first is a warning.
    await market.chain.endSession();
    expect(market.standing('p0')).toMatchObject({ contained: 1, failuresInRow: 6 });
    expect(market.standing('p0').score).toBeGreaterThan(500);
    await expectBarred(market, 'market/contained', 'p0');
  });
});

describe('a pair of client and partner', () => {
  it('[P2V-2.G3] the self-dealing pair gains less with every deal of a period, while the same deals with others count', async () => {
    const market = await begin({ periodSessions: 1000 });
    const score = async (partner: PartnerName, clients: readonly ClientName[]) => {
      for (const client of clients) {
        const job = await market.request(client, { sessions: 1 });
        await market.start(client, partner, job);
        await market.session(job, partner);
      }
      return market.standing(partner).score;
    };
    const [alone, popular] = [
      await score('p0', ['alice', 'alice', 'alice']),
      await score('p1', ['alice', 'bert', 'cleo']),
    ];
    // 1 + 1/2 + 1/4 against 3 units.
    expect(alone).toBeLessThan(popular);
    expect([alone, popular]).toEqual([527, 573]);
    const scores = [alone];
    for (let i = 0; i < 8; i++) scores.push(await score('p0', ['alice']));
    const gains = scores.slice(1).map((now, i) => now - scores[i]!);
    expect(gains).toEqual(gains.toSorted((a, b) => b - a));
    expect(scores.at(-1)).toBeLessThan(538);
  });

  it("has a client whose word weighs what it paid the network: a fresh key's hardly anything", async () => {
    const market = await begin({ testimonyHalf: PAL });
    const job = await hired(market, 'p0');
    await market.session(job, 'p0');
    const { fees } = market.clientStanding('alice');
    expect(fees).toBeGreaterThan(0n);
    expect(fees).toBeLessThan(PAL / 100n);
    const standing = market.standing('p0');
    expect(standing.score).toBeLessThan(446);
    // What such a client pays is no pledge either.
    expect(standing.fees).toBeLessThan(RATE / 100n);
    expect(standing.receipts).toBe(1);
  });

  it('buys no good name for the client: purchases count nothing, agreements kept to the end do', async () => {
    const market = await begin();
    const job = await hired(market, 'p0', { sessions: 2 });
    await market.session(job, 'p0');
    expect(market.clientStanding('alice').score).toBe(444);
    await market.session(job, 'p0');
    expect(market.clientStanding('alice')).toMatchObject({ score: 495, receipts: 1 });
  });
});

describe('a validator that equivocates', () => {
  it('has the score 0, with the evidence on chain, and is drawn no more', async () => {
    const { chain } = await startMarket({ weights: [10n, 10n, 10n, 10n], bonds: 50n * PAL });
    await chain.block();
    const { address, nodeKey } = validatorOf(1);
    expect(mayBeDrawn(chain.state, nodeKey)).toBe(true);
    const block = await chain.block([], {
      misbehavior: [
        {
          type: 'duplicate-vote',
          validator: { address, power: 10n },
          height: chain.height,
          timeNs: 0n,
          totalVotingPower: 40n,
        },
      ],
    });
    expect(eventsOf(block, 'chain.offence-proven')).toHaveLength(1);
    expect(eventsOf(block, 'market.fault-noted')).toMatchObject([
      { role: `${ROLE.validator}`, fault: `${FAULT.equivocation}`, warning: '0', score: '0' },
    ]);
    expect(mayBeDrawn(chain.state, nodeKey)).toBe(false);
  });
});
