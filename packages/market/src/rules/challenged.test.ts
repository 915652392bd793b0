import { createHash } from 'node:crypto';
import { toHex } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  agreementPoint,
  CHALLENGE_LEAVES,
  challengedPlaces,
  challengeLeaves,
  challengersOf,
  type Owned,
} from './challenged.ts';

const RUNS = Number(process.env.PALISADE_RUNS ?? 100);

const hashOf = (text: string) => new Uint8Array(createHash('sha256').update(text).digest());
const owned = (name: string, owner = name): Owned => ({
  nodeKey: hashOf(name),
  account: hashOf(owner).subarray(0, 20),
});
const passive = (count: number) =>
  Array.from({ length: count }, (_, i) => owned(`v${i}`)).sort((a, b) =>
    toHex(a.nodeKey) < toHex(b.nodeKey) ? -1 : 1,
  );
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('who is challenged', () => {
  it('[P2V-1.G2] is drawn by the randomness of the session: distinct, bounded, the same for everybody', () => {
    fc.assert(
      fc.property(seeds, fc.nat(3000), fc.nat(64), (seed, count, most) => {
        const places = challengedPlaces(seed, count, most);
        expect(places).toHaveLength(Math.min(count, most));
        expect(new Set(places).size).toBe(places.length);
        for (const place of places) expect(place >= 0 && place < count).toBe(true);
        expect(challengedPlaces(seed.slice(), count, most)).toEqual(places);
      }),
      { numRuns: RUNS },
    );
  });

  it('[P2V-1.G2] is every partner equally often', () => {
    const [COUNT, MOST, SESSIONS] = [20, 5, 2000];
    const held = new Array(COUNT).fill(0);
    for (let i = 0; i < SESSIONS; i++)
      for (const place of challengedPlaces(hashOf(`session ${i}`), COUNT, MOST)) held[place]++;
    // 500 each are expected, with a deviation of 19: these bounds are five of them away.
    for (const count of held) expect(Math.abs(count - 500)).toBeLessThan(97);
  });
});

describe('who challenges', () => {
  it('[P2V-1.G2] are two different passive validators of different owners, none of them the partner’s', () => {
    const owners = fc.array(fc.nat(4), { maxLength: 8 });
    fc.assert(
      fc.property(seeds, owners, fc.nat(4), (seed, of, own) => {
        const partner = owned('partner', `owner ${own}`);
        const all = of.map((owner, i) => owned(`v${i}`, `owner ${owner}`));
        const pair = challengersOf(seed, partner, all);
        const foreign = new Set(of.filter((owner) => owner !== own));
        expect(pair !== undefined).toBe(foreign.size >= 2);
        if (!pair) return;
        const [first, second] = pair.map((key) => all.find(({ nodeKey }) => nodeKey === key)!);
        const three = [first!, second!, partner].map(({ account }) => toHex(account));
        expect(new Set(three).size).toBe(3);
        expect(challengersOf(seed, partner, all)).toEqual(pair);
      }),
      { numRuns: RUNS },
    );
  });

  it('[P2V-1.G2] is every pair equally often, in both orders, whatever the partner', () => {
    const all = passive(4);
    const held = new Map<string, number>();
    const DRAWS = 6000;
    for (let i = 0; i < DRAWS; i++) {
      const pair = challengersOf(hashOf(`session ${i % 60}`), owned(`partner ${i}`), all)!;
      const name = pair.map((key) => all.findIndex(({ nodeKey }) => nodeKey === key)).join();
      held.set(name, (held.get(name) ?? 0) + 1);
    }
    expect(held.size).toBe(12);
    // 500 each are expected, with a deviation of 21: these bounds are five of them away.
    for (const count of held.values()) expect(Math.abs(count - 500)).toBeLessThan(108);
  });

  it('[P2V-1.G2] nobody does where there are no two of them', () => {
    const seed = hashOf('session');
    const partner = owned('partner', 'v1');
    expect(challengersOf(seed, partner, [])).toBeUndefined();
    expect(challengersOf(seed, partner, [owned('v0')])).toBeUndefined();
    expect(challengersOf(seed, partner, [owned('v0'), owned('v1')])).toBeUndefined();
    expect(challengersOf(seed, partner, [owned('v0'), owned('v9', 'v0')])).toBeUndefined();
    expect(challengersOf(seed, partner, [owned('v0'), owned('v2')])).toBeDefined();
  });
});

describe('what is asked for', () => {
  const [seed, job] = [hashOf('session'), hashOf('job')];
  const leavesOf = (validator: string, partner = 'partner', at = seed) =>
    challengeLeaves(at, hashOf(validator), job, hashOf(partner), 1n << 30n);

  it('[P2V-1.G2] are other leaves for each validator, partner and session', () => {
    const drawn = leavesOf('v0');
    expect(drawn).toHaveLength(CHALLENGE_LEAVES);
    expect(leavesOf('v0')).toEqual(drawn);
    for (const other of [leavesOf('v1'), leavesOf('v0', 'other'), leavesOf('v0', 'partner', job)])
      expect(other).not.toEqual(drawn);
    // 20 000 bytes have twenty leaves; a content of 3 000 shows all of its three.
    expect(new Set(challengeLeaves(seed, job, job, job, 3000n))).toEqual(new Set([0, 1, 2]));
  });

  it('[P2V-1.G2] is an agreement behind a point that nobody chose', () => {
    expect(toHex(agreementPoint(seed, hashOf('one')))).not.toBe(
      toHex(agreementPoint(seed, hashOf('other'))),
    );
    expect(agreementPoint(seed, job)).toHaveLength(32);
  });
});
