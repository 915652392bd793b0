/** Challenges of partners by passive validators (P2V-1.G2), on a whole chain. */
import { nodeKeys } from '@palisade/chain';
import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { eventsOf, type KitValidator, PAL } from '../../../chain/test/chain-kit.ts';
import { Challenges } from '../../test/challenge-kit.ts';
import { type PartnerName, startMarket, TEST_PARAMS, UNLIMITED } from '../../test/market-kit.ts';
import {
  challengersOf,
  challengesQuery,
  FINDING,
  type MarketParams,
  postBond,
  reportChallenge,
  returnBond,
  UTILITY,
} from '../index.ts';
import { challenges } from './records.ts';

const STRICT = { ...UNLIMITED, failuresToContain: 2, containedPeriods: 50, unitValue: PAL };

/** Bonded partners in a session whose challenges are drawn. */
async function begin(
  bonded: readonly PartnerName[] = ['p0'],
  { passive = 4, market: more = {} }: { passive?: number; market?: Partial<MarketParams> } = {},
) {
  const market = await startMarket({ passive, market: { standing: STRICT, ...more } });
  const kit = new Challenges(market);
  for (const name of bonded) await market.postBond(name, PAL);
  await market.chain.endSession();
  await kit.drawn();
  return { market, chain: market.chain, kit };
}
type Scene = Awaited<ReturnType<typeof begin>>;

/** The next session, with its challenges drawn. */
async function nextSession({ chain, kit }: Scene): Promise<void> {
  await chain.endSession();
  await kit.drawn();
}

/** Both validators find a partner missing in so many sessions. */
async function missing(scene: Scene, partner: PartnerName, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) {
    for (const each of scene.kit.pair(partner)) await scene.kit.reports(each, partner);
    await nextSession(scene);
  }
}

function others({ chain, kit }: Scene, partner: PartnerName): readonly KitValidator[] {
  const pair = kit.pair(partner);
  return chain.passive.filter((validator) => !pair.includes(validator));
}

describe('who is challenged', () => {
  it('[P2V-1.G2] are partners with something at stake, by two passive validators whom everybody can name', async () => {
    const scene = await begin(['p0', 'p2']);
    const { market, chain, kit } = scene;
    expect([kit.of('p1'), kit.of('p3')]).toEqual([undefined, undefined]);
    const passive = chain.passive
      .map(({ nodeKey, owner }) => ({ nodeKey, account: owner.id }))
      .sort((a, b) => (toHex(a.nodeKey) < toHex(b.nodeKey) ? -1 : 1));
    for (const name of ['p0', 'p2'] as const) {
      const nodeKey = market.partner(name).id;
      const { account } = nodeKeys.need(chain.state, nodeKey);
      const named = challengersOf(chain.session.randomness, { nodeKey, account }, passive)!;
      const { first, second, job } = kit.of(name)!;
      expect([first, second].map(toHex)).toEqual(named.map(toHex));
      expect(toHex(first)).not.toBe(toHex(second));
      expect(job.every((byte) => byte === 0)).toBe(true);
    }
    const after = new Uint8Array(32);
    const shown = market.ask(challengesQuery, { session: chain.session.number, after })!;
    expect(shown.challenges).toHaveLength(2);
    const last = shown.challenges[0]!.partner;
    const rest = market.ask(challengesQuery, { session: chain.session.number, after: last })!;
    expect(rest.challenges).toEqual(shown.challenges.slice(1));
  });

  it('[P2V-1.G2] are at most as many as the parameter says, others in other sessions', async () => {
    const duties = { ...TEST_PARAMS.duties, challenges: 2 };
    const scene = await begin(['p0', 'p1', 'p2', 'p3'], { market: { duties } });
    const seen = new Set<string>();
    for (let i = 0; i < 8; i++) {
      const { state, session } = scene.chain;
      const drawn = [...challenges.list(state, session.number)];
      expect(drawn).toHaveLength(2);
      for (const [[, partner]] of drawn) seen.add(toHex(partner));
      await nextSession(scene);
    }
    expect(seen.size).toBe(4);
    // Of a session that is over nothing is kept.
    expect([...challenges.list(scene.chain.state)]).toHaveLength(2);
  });

  it('[P2V-1.G2] is nobody without two passive validators, and whoever took its bond back is not', async () => {
    expect((await begin(['p0'], { passive: 1 })).kit.of('p0')).toBeUndefined();
    const scene = await begin(['p0', 'p1', 'p2']);
    const { market, chain, kit } = scene;
    await chain.run(market.owner('p0'), returnBond, { partner: market.partner('p0').id });
    expect(kit.of('p0'), 'it was drawn before').toBeDefined();
    await nextSession(scene);
    expect(kit.of('p0')).toBeUndefined();
    expect(kit.of('p1') && kit.of('p2')).toBeDefined();
    await chain.run(market.partner('p0'), postBond, { total: PAL });
    await nextSession(scene);
    expect(kit.of('p0')).toBeDefined();
  });

  it('[P2V-1.G2] who keeps a content is asked for leaves of it; who computes for none', async () => {
    const { market, chain, kit } = await begin([]);
    const job = await market.request('alice');
    await market.start('alice', 'p1', job);
    const work = await market.request('alice', { utility: UTILITY.computation });
    await market.start('alice', 'p2', work);
    await market.session(job, 'p1');
    await kit.drawn();
    expect(toHex(kit.of('p1')!.job)).toBe(toHex(job));
    expect(kit.of('p2')!.job.every((byte) => byte === 0)).toBe(true);
    expect(kit.of('p0'), 'it has no work').toBeUndefined();
    await market.cancel('alice', job);
    await chain.endSession();
    await kit.drawn();
    expect(kit.of('p1'), 'its work is over').toBeUndefined();
  });
});

describe('a partner that failed its challenge', () => {
  it('[P2V-1.G2] is the partner that says it is there: two find it out, and it counts against its standing, once', async () => {
    const { market, chain, kit } = await begin();
    const [first, second] = kit.pair('p0');
    const one = await kit.reports(first, 'p0');
    expect(eventsOf(one, 'market.challenge-doubted')).toMatchObject([
      { validator: toHex(first.nodeKey), finding: `${FINDING.unreachable}` },
    ]);
    expect(market.standing('p0')).toMatchObject({ failuresInRow: 0, score: 444 });
    const both = await kit.reports(second, 'p0', { finding: FINDING.wrongLeaves });
    expect(eventsOf(both, 'market.challenge-failed')).toHaveLength(1);
    expect(eventsOf(both, 'market.fault-noted')).toMatchObject([
      { role: '2', key: toHex(market.partner('p0').id), fault: '7' },
    ]);
    expect(market.standing('p0')).toMatchObject({
      failuresInRow: 1,
      challengeFinding: FINDING.wrongLeaves,
      challengeSession: chain.session.number,
    });
    const again = await kit.fields('p0');
    await kit.expectRefused('market/challenge-reported', first, again);
    await kit.expectRefused('market/challenge-reported', second, again);
    expect(market.standing('p0').failuresInRow).toBe(1);
  });

  it('[P2V-1.G2] weighs less each time that the same two say so in a period', async () => {
    const standing = {
      ...STRICT,
      failuresToContain: 99,
      periodSessions: 1000,
      probationReceipts: 1,
    };
    const scene = await begin(['p0'], { passive: 2, market: { standing } });
    const scores = [444];
    for (let i = 0; i < 4; i++) {
      await missing(scene, 'p0');
      scores.push(scene.market.standing('p0').score);
    }
    // A newcomer has one strike; then a quarter and a sixteenth of it, and so on.
    expect(scores.slice(0, 2)).toEqual([444, 317]);
    const steps = scores.slice(1).map((score, i) => scores[i]! - score);
    for (const [i, step] of steps.slice(1).entries())
      expect(step).toBeLessThanOrEqual(steps[i]! / 2);
  });

  it('[P2V-1.G2] is not harmed by one lying validator, nor by others that were not to ask', async () => {
    const scene = await begin();
    const { market, chain, kit } = scene;
    const [liar] = kit.pair('p0');
    await kit.reports(liar, 'p0');
    const fields = await kit.fields('p0');
    await kit.expectRefused('market/challenge-reported', liar, fields);
    for (const other of [...others(scene, 'p0'), ...chain.validators])
      await kit.expectRefused('market/not-assigned', other, fields);
    await market.chain.expectRefused(
      'market/not-assigned',
      market.partner('p0'),
      reportChallenge,
      fields,
    );
    await nextSession(scene);
    // What it said once is forgotten: with the other's word of another session it makes no two.
    const [first, second] = kit.pair('p0');
    await kit.reports(first === liar ? second : first, 'p0');
    expect(market.standing('p0')).toMatchObject({ failuresInRow: 0, challengeFinding: 0 });
  });

  it('[P2V-1.G2] must have been ready: the report shows a READY that holds', async () => {
    const { market, chain, kit } = await begin();
    const [first] = kit.pair('p0');
    const { duties } = kit;
    const { startMs } = chain.session;
    const fieldsWith = async (ready: Uint8Array) => kit.fields('p0', { ready });
    const expired = await duties.ready('p0', { atMs: startMs - 9n, expiresMs: startMs });
    await kit.expectRefused('market/not-ready-then', first, await fieldsWith(expired));
    const future = await duties.ready('p0', { atMs: chain.timeMs + 60_000n });
    await kit.expectRefused('market/not-ready-then', first, await fieldsWith(future));
    for (const bad of [
      await duties.ready('p1'),
      new Uint8Array(9),
      (await duties.ready('p0')).with(-1, 9),
      await kit.answer('p0', first),
    ])
      await kit.expectRefused('market/bad-evidence', first, await fieldsWith(bad));
    // To the last moment, and full: that is no excuse for not being there.
    const last = await duties.ready('p0', {
      atMs: chain.timeMs,
      expiresMs: startMs + 1n,
      accepting: 0,
    });
    await kit.reports(first, 'p0', { ready: last });
    expect(market.standing('p0').failuresInRow).toBe(0);
  });

  it('[P2V-1.G2] is one of the running session, drawn for it, with a finding that there is', async () => {
    const scene = await begin(['p0']);
    const { chain, kit } = scene;
    const [first] = kit.pair('p0');
    const late = await kit.fields('p0');
    const { number: session } = chain.session;
    for (const other of [session - 1n, session + 1n])
      await kit.expectRefused('market/wrong-session', first, { ...late, session: other });
    await kit.expectRefused('market/not-challenged', first, await kit.fields('p1'));
    for (const finding of [0, 5])
      await kit.expectRefused('market/no-such-finding', first, { ...late, finding });
    await nextSession(scene);
    await kit.expectRefused('market/wrong-session', first, late);
  });
});

describe('a contained partner', () => {
  /** p0 keeps a content and was not there twice. */
  async function contained() {
    const scene = await begin(['p0']);
    const { market } = scene;
    const job = await market.request('alice', { sessions: 12 });
    await market.start('alice', 'p0', job);
    await missing(scene, 'p0', 2);
    expect(market.standing('p0')).toMatchObject({ contained: 1 });
    return { ...scene, job };
  }

  it('[P2V-1.G2] gets out by one success, which its own answer proves', async () => {
    const { market, chain, kit, job } = await contained();
    expect(toHex(kit.of('p0')!.job)).toBe(toHex(job));
    const [first, second] = kit.pair('p0');
    const block = await kit.passes(first, 'p0');
    expect(eventsOf(block, 'market.challenge-passed')).toHaveLength(1);
    expect(eventsOf(block, 'market.containment-ended')).toHaveLength(1);
    expect(market.standing('p0')).toMatchObject({
      contained: 0,
      failuresInRow: 0,
      challengeFinding: FINDING.passed,
      challengeSession: chain.session.number,
    });
    // What the other may say of it changes nothing any more.
    await kit.expectRefused('market/challenge-over', second, await kit.fields('p0'));
  });

  it('[P2V-1.G2] gets out though the other validator says that it failed, before', async () => {
    const { market, kit } = await contained();
    const [first, second] = kit.pair('p0');
    await kit.reports(first, 'p0');
    const before = market.standing('p0');
    await kit.passes(second, 'p0');
    expect(market.standing('p0')).toMatchObject({ contained: 0, score: before.score });
  });

  it('[P2V-1.G2] and whoever challenges it second frees it as well', async () => {
    const { market, kit } = await contained();
    const [first, second] = kit.pair('p0');
    await kit.passes(second, 'p0');
    expect(market.standing('p0').contained).toBe(0);
    await kit.expectRefused('market/challenge-over', first, await kit.fields('p0'));
  });

  it('[P2V-1.G2] is freed by nothing but its own answer to this validator in this session, with the leaves', async () => {
    const scene = await contained();
    const { market, kit, chain } = scene;
    const [first, second] = kit.pair('p0');
    const attempt = async (code: string, answer: Uint8Array) => {
      const fields = await kit.fields('p0', { finding: FINDING.passed, answer });
      await kit.expectRefused(code, first, fields);
    };
    const session = chain.session.number - 1n;
    await attempt('market/bad-evidence', new Uint8Array());
    await attempt('market/bad-evidence', (await kit.answer('p0', first)).with(-1, 1));
    await attempt('market/bad-evidence', await kit.answer('p1', first, { proofs: [] }));
    await attempt('market/bad-evidence', await kit.answer('p0', first, { session }));
    await attempt('market/bad-evidence', await kit.answer('p0', second));
    const validator = first.nodeKey;
    await attempt('market/wrong-leaves', await kit.answer('p0', second, { validator }));
    const proofs = kit.proofs('p0', first);
    await attempt('market/wrong-leaves', await kit.answer('p0', first, { proofs: [] }));
    const turned = [...proofs].reverse();
    await attempt('market/wrong-leaves', await kit.answer('p0', first, { proofs: turned }));
    const [shown, ...more] = proofs;
    const forged = [{ ...shown!, leaf: shown!.leaf.with(0, shown!.leaf[0]! ^ 1) }, ...more];
    await attempt('market/proof-wrong', await kit.answer('p0', first, { proofs: forged }));
    expect(market.standing('p0').contained).toBe(1);
    await kit.passes(first, 'p0');
  });

  it('[P2V-1.G2] without a content gets out by a sign of life', async () => {
    const scene = await begin(['p0']);
    await missing(scene, 'p0', 2);
    const { market, kit } = scene;
    const [first] = kit.pair('p0');
    await kit.passes(first, 'p0');
    expect(market.standing('p0').contained).toBe(0);
  });

  it('[P2V-1.G2] alone: of others a success is no news', async () => {
    const scene = await begin(['p0']);
    const { kit } = scene;
    const [first] = kit.pair('p0');
    const answer = await kit.answer('p0', first);
    const fields = await kit.fields('p0', { finding: FINDING.passed, answer });
    await kit.expectRefused('market/not-contained', first, fields);
  });
});
