import { describe, expect, it } from 'vitest';
import { accountOf, type Chain, eventsOf, PAL, startChain } from '../../test/chain-kit.ts';
import { FEE_POT, send, validatorsQuery } from '../index.ts';

const alice = accountOf('alice');

async function begin(weights: readonly bigint[], feeBurnPpm = 200_000): Promise<Chain> {
  return startChain({ weights, feeBurnPpm, accounts: { alice: 10n * PAL } });
}

/** Pays one fee; answers with it. */
async function payFee(chain: Chain): Promise<bigint> {
  const tx = await chain.sign(alice, send, { to: alice.id, denom: 'pal', amount: 1n });
  await chain.block([tx]);
  return chain.feeOf(tx);
}

const earned = (chain: Chain) => chain.validators.map(({ owner }) => chain.free(owner));
const sum = (amounts: readonly bigint[]) => amounts.reduce((a, b) => a + b, 0n);

describe('the fees of a session', () => {
  it('are burned for a fifth and paid for the rest, by weight and blocks attended, to the unit', async () => {
    const chain = await begin([30n, 10n, 10n]);
    const fee = await payFee(chain);
    // Blocks 2 to 5 carry the votes on 1 to 4; v1 was away for two of them.
    await chain.block([], { absent: [1] });
    await chain.block([], { absent: [1] });
    await chain.block();
    const ended = await chain.block([], { afterMs: 60_000n });
    const burned = fee / 5n;
    expect(chain.burned()).toBe(burned);
    const shares = earned(chain);
    expect(sum(shares)).toBe(fee - burned);
    // 30 x 4, 10 x 2, 10 x 4.
    for (const [i, weight] of [120n, 20n, 40n].entries()) {
      const exact = ((fee - burned) * weight) / 180n;
      expect(shares[i]! - exact === 0n || shares[i]! - exact === 1n).toBe(true);
    }
    expect(chain.free(FEE_POT)).toBe(0n);
    expect(eventsOf(ended, 'rewards.paid')).toHaveLength(3);
    expect(eventsOf(ended, 'rewards.burned')).toMatchObject([{ amount: burned.toString() }]);
  });

  it('are counted anew in each session', async () => {
    const chain = await begin([10n, 10n, 10n, 10n]);
    await payFee(chain);
    await chain.block([], { absent: [1] });
    await chain.endSession();
    const before = earned(chain);
    const { value } = await chain.application.query({
      path: `/q/${validatorsQuery.name}`,
      data: new Uint8Array(),
      height: 0n,
      prove: false,
    });
    const { validators } = JSON.parse(new TextDecoder().decode(value));
    const attended = validators.map((line: { attended: string }) => Number(line.attended));
    expect(Math.max(...attended)).toBeLessThanOrEqual(3);
    const fee = await payFee(chain);
    await chain.endSession();
    const gained = earned(chain).map((now, i) => now - before[i]!);
    expect(sum(gained)).toBe(fee - fee / 5n);
    expect(gained[0]! - gained[1]!).toBeLessThanOrEqual(1n);
  });

  it('stay in the pot when nobody attended, for the session after', async () => {
    const chain = await begin([10n]);
    const fee = await payFee(chain);
    await chain.block([], { afterMs: 60_000n });
    // Block 2 carries the votes on block 1, so v0 attended; a first block that ends a session is another matter.
    const quick = await begin([10n]);
    const tx = await quick.sign(alice, send, { to: alice.id, denom: 'pal', amount: 1n });
    await quick.block([tx], { afterMs: 60_000n });
    expect(quick.session.number).toBe(1n);
    expect(quick.free(FEE_POT)).toBe(fee);
    await quick.endSession();
    expect(quick.free(FEE_POT)).toBe(0n);
    expect(sum(earned(quick))).toBe(fee - fee / 5n);
    expect(sum(earned(chain))).toBe(fee - fee / 5n);
  });

  it('can be burned wholly or not at all', async () => {
    for (const [ppm, share] of [
      [0, 1n],
      [1_000_000, 0n],
    ] as const) {
      const chain = await begin([10n], ppm);
      const fee = await payFee(chain);
      await chain.endSession();
      expect(sum(earned(chain))).toBe(fee * share);
      expect(chain.burned()).toBe(fee - fee * share);
    }
  });
});
