import { toHex } from '@palisade/core';
import type { Misbehavior } from '@palisade/formats';
import { describe, expect, it } from 'vitest';
import { type Chain, eventsOf, PAL, startChain, validatorOf } from '../../test/chain-kit.ts';
import { balanceOf, heldFor, OWN_BOND } from '../index.ts';
import { equivocationPpm } from './offences.ts';

const BOND = 100n * PAL;

/** Evidence that a validator signed twice at a height. */
function evidence(index: number, height: bigint): Misbehavior {
  return {
    type: 'duplicate-vote',
    validator: { address: validatorOf(index).address, power: 10n },
    height,
    timeNs: 0n,
    totalVotingPower: 100n,
  };
}

async function begin(count: number): Promise<Chain> {
  const chain = await startChain({ weights: Array(count).fill(10n), bonds: BOND });
  await chain.blocks(2);
  return chain;
}

const bondOf = (chain: Chain, index: number) =>
  heldFor(chain.state, validatorOf(index).owner.id, OWN_BOND);

describe('an equivocation', () => {
  it('costs its share of the bond, burned, and the seat two blocks later', async () => {
    const chain = await begin(10);
    const block = await chain.block([], { misbehavior: [evidence(3, 1n)] });
    // (3 * 1 / 10)^2 = 9 %.
    expect(bondOf(chain, 3)).toBe((BOND * 91n) / 100n);
    expect(chain.burned()).toBe((BOND * 9n) / 100n);
    expect(chain.seats()).not.toContain('v3');
    expect(block.validatorUpdates).toEqual([{ publicKey: validatorOf(3).nodeKey, power: 0n }]);
    expect(eventsOf(block, 'bonds.slashed')).toMatchObject([
      { validator: toHex(validatorOf(3).nodeKey), source: 'own', amount: (9n * PAL).toString() },
    ]);
    expect((await chain.block()).validatorUpdates).toEqual([]);
    await chain.blocks(3);
  });

  it('counts once, however often it is reported, and whatever else the offender did in the session', async () => {
    const chain = await begin(10);
    await chain.block([], { misbehavior: [evidence(3, 1n), evidence(3, 1n)] });
    const after = bondOf(chain, 3);
    await chain.block([], { misbehavior: [evidence(3, 1n)] });
    await chain.block([], { misbehavior: [evidence(3, 2n)] });
    expect(bondOf(chain, 3)).toBe(after);
    await chain.endSession();
    await chain.block([], { misbehavior: [evidence(3, 1n)] });
    expect(bondOf(chain, 3)).toBe(after);
  });

  it('of several in one session costs each of them more than of one alone', async () => {
    const chain = await begin(10);
    await chain.block([], { misbehavior: [evidence(1, 1n), evidence(2, 1n)] });
    // (3 * 2 / 10)^2 = 36 %.
    expect([bondOf(chain, 1), bondOf(chain, 2)]).toEqual([64n * PAL, 64n * PAL]);
    await chain.block([], { misbehavior: [evidence(4, 2n)] });
    // The third of ten: 81 %; those before it have paid already.
    expect([bondOf(chain, 1), bondOf(chain, 4)]).toEqual([64n * PAL, 19n * PAL]);
  });

  it('of the last validator costs its bond but not its seat: a set may not become empty', async () => {
    const chain = await begin(1);
    const block = await chain.block([], { misbehavior: [evidence(0, 1n)] });
    expect(bondOf(chain, 0)).toBe(0n);
    expect(chain.seats()).toEqual(['v0']);
    expect(block.validatorUpdates).toEqual([]);
  });

  it("of somebody unknown is nobody's", async () => {
    const chain = await begin(4);
    await chain.block([], { misbehavior: [evidence(9, 1n)] });
    expect(chain.seats()).toHaveLength(4);
    expect(chain.burned()).toBe(0n);
  });

  it('costs, in parts per million, min(1, (3k/n)^2)', () => {
    const table = [
      [1n, 10n, 90_000],
      [2n, 10n, 360_000],
      [3n, 10n, 810_000],
      [4n, 10n, 1_000_000],
      [1n, 4n, 562_500],
      [1n, 3n, 1_000_000],
      [1n, 1n, 1_000_000],
    ] as const;
    for (const [k, n, ppm] of table) expect(equivocationPpm(k, n)).toBe(ppm);
  });

  it('leaves what is not bonded alone', async () => {
    const chain = await startChain({
      weights: [10n, 10n, 10n],
      bonds: BOND,
      accounts: { 'v0-owner': 5n * PAL },
    });
    await chain.block();
    await chain.block([], { misbehavior: [evidence(0, 1n)] });
    expect(balanceOf(chain.state, validatorOf(0).owner.id)).toEqual({ free: 5n * PAL, held: 0n });
  });
});
