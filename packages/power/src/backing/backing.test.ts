import { toHex } from '@palisade/core';
import type { Misbehavior } from '@palisade/formats';
import { describe, expect, it } from 'vitest';
import { eventsOf, validatorOf } from '../../../chain/test/chain-kit.ts';
import { BOND, MIB, type PowerKit, startPower } from '../../test/power-kit.ts';
import { cancelSlash, delegate, ENTRY, leaveCollators, seatings, slashes } from '../index.ts';
import { backerLoss } from './slash.ts';

function evidence(index: number, height: bigint): Misbehavior {
  return {
    type: 'duplicate-vote',
    validator: { address: validatorOf(index).address, power: 1n },
    height,
    timeNs: 0n,
    totalVotingPower: 4n,
  };
}

/** v1, v2 and v3 have seats beside v0; m0 and m1 lent to them. */
async function seated(options = {}): Promise<PowerKit> {
  const pool = await startPower({ standbys: 3, ...options });
  await pool.mine('m0', 20n * MIB);
  await pool.mine('m1', 10n * MIB);
  for (const index of [1, 2, 3]) {
    await pool.register(index);
    await pool.lend('m0', index, 5n * MIB);
  }
  await pool.lend('m1', 1, 5n * MIB);
  pool.setCollateral('m0', 1000n);
  pool.setCollateral('m1', 777n);
  await pool.endSession();
  await pool.endSession();
  return pool;
}

/** v1 to v5 have power, and some of them seats: `index` is one that has. */
async function drawn(options = {}) {
  const pool = await startPower(options);
  const { chain } = pool;
  await pool.pool([1, 2, 3, 4, 5]);
  await pool.endSession();
  await pool.endSession();
  const index = Number(
    chain
      .seats()
      .find((seat) => seat !== 'v0')!
      .slice(1),
  );
  return { pool, chain, index };
}

const offend = (pool: PowerKit, ...indices: number[]) =>
  pool.chain.block([], { misbehavior: indices.map((i) => evidence(i, pool.chain.height)) });

describe('an offence of a collator', () => {
  it('[P11] costs its seat and candidacy at once, and its tokens after the deferral', async () => {
    const pool = await seated();
    const { chain } = pool;
    const { session } = chain;
    const block = await offend(pool, 1);
    expect(chain.seats()).toEqual(['v0', 'v2', 'v3']);
    expect(pool.collator(1)).toMatchObject({ registered: 0, power: 0n });
    expect(eventsOf(block, 'power.slash-deferred')).toMatchObject([{ fractionPpm: '562500' }]);
    const burned = chain.burned();
    expect(pool.collateralOf('m0')).toBe(1000n);
    await pool.endSession();
    expect(slashes.need(chain.state, session.number, pool.nodeKey(1)).state).toBe(0);
    const slashed = await pool.endSession();
    const [bond] = eventsOf(slashed, 'power.collator-slashed');
    expect(bond).toMatchObject({ amount: ((BOND * 5625n) / 10_000n).toString() });
    expect(chain.burned() - burned).toBeGreaterThanOrEqual((BOND * 5625n) / 10_000n);
    // f * pledge * lent / raw, rounded down: a quarter of m0, half of m1.
    expect(pool.collateralOf('m0')).toBe(1000n - (1000n * 5n * 562500n) / (20n * 1_000_000n));
    expect(pool.collateralOf('m1')).toBe(777n - (777n * 5n * 562500n) / (10n * 1_000_000n));
  });

  it('[P11] takes no power, but what was lent is usable by nobody for the quarantine', async () => {
    const pool = await seated();
    await offend(pool, 1);
    await pool.endSession();
    await pool.endSession();
    const { entries, raw } = pool.claim('m1');
    expect(raw).toBe(10n * MIB);
    expect(entries).toMatchObject([{ kind: ENTRY.quarantined, amount: 5n * MIB }]);
    const { chain } = pool;
    const more = { collator: pool.nodeKey(2), amount: 5n * MIB + 1n };
    await chain.expectRefused('power/not-enough-power', chain.account('m1'), delegate, more);
    for (let i = 0; i < 5; i++) await pool.endSession();
    await pool.lend('m1', 2, 10n * MIB);
  });

  it('[P11] is answered for by who backed the seat, though they took their power back meanwhile', async () => {
    const pool = await seated();
    await pool.takeBack('m1', 1, 5n * MIB);
    await pool.endSession();
    // v1 still has its seat, by a later snapshot without m1; its offence was in the session before.
    const old = seatings.need(pool.chain.state, pool.chain.session.number - 1n);
    expect(old.seatings.some(({ known }) => known === 0)).toBe(true);
    const height = old.seatings[0]!.sinceHeight + 1n;
    await pool.chain.block([], { misbehavior: [evidence(1, height)] });
    await pool.endSession();
    await pool.endSession();
    expect(pool.collateralOf('m1')).toBeLessThan(777n);
    expect(pool.claim('m1').entries).toMatchObject([{ kind: ENTRY.quarantined }]);
  });

  it('[P11] counts once a session with the greatest share; more offenders raise all of them', async () => {
    const pool = await seated();
    const { chain } = pool;
    const { number } = chain.session;
    await offend(pool, 1);
    await offend(pool, 1);
    expect(slashes.need(chain.state, number, pool.nodeKey(1)).fractionPpm).toBe(562_500);
    await offend(pool, 2);
    expect(slashes.need(chain.state, number, pool.nodeKey(1)).fractionPpm).toBe(1_000_000);
    expect(slashes.need(chain.state, number, pool.nodeKey(2)).fractionPpm).toBe(1_000_000);
    await pool.endSession();
    const slashed = await pool.endSession();
    const amounts = eventsOf(slashed, 'power.collator-slashed').map(({ amount }) => amount);
    expect(amounts).toEqual([BOND.toString(), BOND.toString()]);
  });

  it('[P11] can be cancelled by the owner before it is carried out, by nobody else', async () => {
    const owner = (await startPower()).chain.account('m3').id;
    const pool = await seated({ params: { owner } });
    const { chain } = pool;
    const cancel = { session: chain.session.number, collator: pool.nodeKey(1) };
    await chain.expectRefused('power/no-slash', chain.account('m3'), cancelSlash, cancel);
    await offend(pool, 1);
    await chain.expectRefused('power/not-the-owner', chain.account('m0'), cancelSlash, cancel);
    await chain.run(chain.account('m3'), cancelSlash, cancel);
    await pool.endSession();
    const later = await pool.endSession();
    expect(eventsOf(later, 'power.collator-slashed')).toEqual([]);
    expect(pool.collateralOf('m0')).toBe(1000n);
    await pool.register(1);
    expect(pool.collator(1).barredUntil).toBe(0n);
  });

  it('[P11] that comes to light when the evidence window is over costs nothing', async () => {
    const pool = await seated();
    const { height } = pool.chain;
    for (let i = 0; i < 4; i++) await pool.endSession();
    await pool.chain.block([], { misbehavior: [evidence(1, height)] });
    expect(pool.collator(1)).toMatchObject({ registered: 1, bond: BOND });
  });

  it('[P8] gives the seat to the first reserve of the same draw, within the session', async () => {
    const { pool, chain, index: out } = await drawn();
    const block = await offend(pool, out);
    expect(eventsOf(block, 'power.reserve-called')).toHaveLength(1);
    expect(chain.seats()).toHaveLength(4);
    expect(chain.seats()).not.toContain(`v${out}`);
    await chain.quietBlocks(4);
    expect(block.validatorUpdates).toHaveLength(2);
  });

  it('[P8] silence of sixty blocks gives the seat to a reserve, too', async () => {
    const { pool, chain, index: silent } = await drawn();
    for (let i = 0; i < 75; i++) await chain.block([], { afterMs: 1n, absent: [silent] });
    expect(chain.seats()).not.toContain(`v${silent}`);
    expect(chain.seats()).toHaveLength(4);
    await pool.endSession();
    expect(pool.collator(silent).badSessions).toBe(1);
  });

  it('[P11] counts in the two blocks in which the votes of a lost seat count still', async () => {
    const { pool, chain, index: gone } = await drawn({ params: { minEligible: 1 } });
    await chain.run(pool.owner(gone), leaveCollators, { collator: pool.nodeKey(gone) });
    await pool.endSession();
    const { number, startHeight } = chain.session;
    await chain.block([], { misbehavior: [evidence(gone, startHeight + 1n)] });
    expect(slashes.get(chain.state, number, pool.nodeKey(gone))).toBeDefined();
  });

  it('[P11] comes to light also when the offender has long left its seat', async () => {
    const { pool, chain, index: gone } = await drawn({ params: { minEligible: 1 } });
    const { height } = chain;
    await chain.run(pool.owner(gone), leaveCollators, { collator: pool.nodeKey(gone) });
    await pool.endSession();
    expect(chain.seats()).not.toContain(`v${gone}`);
    const before = chain.totalFunds();
    await chain.block([], { misbehavior: [evidence(gone, height)] });
    for (let session = 0; session < 3; session++) await pool.endSession();
    expect(before - chain.totalFunds()).toBeGreaterThan(BOND / 2n);
  });

  it('[P11] takes of a backer what it lent of what it has, rounded down', () => {
    expect(backerLoss(1000n, 5n, 20n, 90_000n)).toBe(22n);
    expect(backerLoss(1000n, 20n, 20n, 1_000_000n)).toBe(1000n);
    expect(backerLoss(1000n, 0n, 0n, 1_000_000n)).toBe(0n);
  });
});

describe('rewards', () => {
  it('[P11] of a drawn validator go to its backers by what they had lent, but for its commission', async () => {
    const pool = await seated({ feeBurnPpm: 0 });
    const { chain } = pool;
    const free = (name: string) => chain.free(chain.account(name));
    // A refused command pays its fee, too.
    const toV1 = { collator: pool.nodeKey(1), amount: MIB };
    await chain.expectRefused('power/not-a-miner', pool.owner(2), delegate, toV1);
    const before = { m0: free('m0'), m1: free('m1'), total: chain.totalFunds() };
    const block = await pool.endSession();
    const left = (index: number) => {
      const key = toHex(pool.nodeKey(index));
      const { amount } = eventsOf(block, 'rewards.paid').find((one) => one.validator === key)!;
      return BigInt(amount!) - BigInt(amount!) / 10n;
    };
    const [one, two, three] = [left(1), left(2), left(3)];
    const [gain0, gain1] = [free('m0') - before.m0, free('m1') - before.m1];
    expect(gain0 + gain1).toBe(one + two + three);
    // Both lent the same to v1: whoever stands first has the rounded half.
    const half = one / 2n;
    expect([half, one - half]).toContain(gain1);
    expect(chain.totalFunds()).toBe(before.total);
  });
});
