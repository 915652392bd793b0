import { describe, expect, it } from 'vitest';
import { BOND, MIB, type PowerKit, startPower } from '../../test/power-kit.ts';
import {
  addBond,
  collatorPower,
  delegate,
  ENTRY,
  leaveCollators,
  registerCollator,
  undelegate,
} from '../index.ts';

const SMALLEST = 1n << 16n;

async function begin(params = {}): Promise<PowerKit> {
  const pool = await startPower({ params: { minEligible: 1, ...params } });
  await pool.mine('m0', 100n * MIB);
  await pool.register(1);
  return pool;
}

const lent = (pool: PowerKit) =>
  pool.claim('m0').entries.map(({ kind, amount, until }) => [kind, amount, until]);

describe('lending power', () => {
  it('[P5] is visible to the draw from the next session on', async () => {
    const pool = await begin();
    await pool.lend('m0', 1, 10n * MIB);
    await pool.lend('m0', 1, 5n * MIB);
    expect(collatorPower(pool.chain.state, pool.nodeKey(1))).toBe(0n);
    expect(pool.collator(1).power).toBe(15n * MIB);
    await pool.endSession();
    expect(collatorPower(pool.chain.state, pool.nodeKey(1))).toBe(15n * MIB);
  });

  it('[P5] and taking back in one session is never seen by a draw', async () => {
    const pool = await begin();
    await pool.lend('m0', 1, 10n * MIB);
    await pool.takeBack('m0', 1, 10n * MIB);
    await pool.endSession();
    expect(collatorPower(pool.chain.state, pool.nodeKey(1))).toBe(0n);
    expect(lent(pool)).toEqual([[ENTRY.unbonding, 10n * MIB, 4n]]);
  });

  it('[P5] never exceeds what a miner has, nor what is unbonding', async () => {
    const pool = await begin();
    const { chain } = pool;
    const miner = chain.account('m0');
    const collator = pool.nodeKey(1);
    const refused = (code: string, amount: bigint) =>
      chain.expectRefused(code, miner, delegate, { collator, amount });
    await refused('power/not-enough-power', 100n * MIB + 1n);
    await pool.lend('m0', 1, 60n * MIB);
    await refused('power/not-enough-power', 40n * MIB + 1n);
    await pool.takeBack('m0', 1, 60n * MIB);
    await refused('power/not-enough-power', 40n * MIB + 1n);
    for (let session = 0; session < 4; session++) await pool.endSession();
    await pool.lend('m0', 1, 100n * MIB);
    expect(lent(pool)).toEqual([[ENTRY.delegated, 100n * MIB, 0n]]);
  });

  it('[P5] has a least amount, for what is lent and for what is left', async () => {
    const pool = await begin();
    const { chain } = pool;
    const miner = chain.account('m0');
    const collator = pool.nodeKey(1);
    for (const amount of [0n, SMALLEST - 1n])
      await chain.expectRefused('power/delegation-too-small', miner, delegate, {
        collator,
        amount,
      });
    await pool.lend('m0', 1, 2n * SMALLEST);
    await chain.expectRefused('power/delegation-too-small', miner, undelegate, {
      collator,
      amount: SMALLEST + 1n,
    });
    await chain.expectRefused('power/not-lent-that-much', miner, undelegate, {
      collator,
      amount: 2n * SMALLEST + 1n,
    });
    await chain.expectRefused('power/not-lent-that-much', miner, undelegate, {
      collator,
      amount: 0n,
    });
    await pool.takeBack('m0', 1, SMALLEST);
  });

  it('[P5] goes to registered collators only, and to as many as are allowed', async () => {
    const pool = await begin({ maxCollators: 2 });
    const { chain } = pool;
    const miner = chain.account('m0');
    const amount = MIB;
    const to = (index: number) => ({ collator: pool.nodeKey(index), amount });
    await chain.expectRefused('power/not-a-collator', miner, delegate, to(2));
    await pool.register(2);
    await pool.register(3);
    await pool.lend('m0', 1, amount);
    await pool.lend('m0', 2, amount);
    await chain.expectRefused('power/too-many-collators', miner, delegate, to(3));
    await chain.expectRefused('power/nothing-lent', miner, undelegate, to(3));
    await chain.expectRefused('power/not-a-miner', chain.account('m1'), delegate, to(1));
    await chain.expectRefused('power/not-a-miner', chain.account('m1'), undelegate, to(1));
    await chain.run(pool.owner(1), leaveCollators, { collator: pool.nodeKey(1) });
    await pool.lend('m0', 3, amount);
  });

  it('[P4] shrinks in proportion when power is lost, and stays as it is when power is won', async () => {
    const pool = await begin();
    await pool.register(2);
    await pool.lend('m0', 1, 10n * MIB);
    await pool.lend('m0', 2, 5n * MIB);
    await pool.takeBack('m0', 1, 3n * MIB);
    await pool.change('m0', 50n * MIB);
    expect([pool.collator(1).power, pool.collator(2).power]).toEqual([7n * MIB, 5n * MIB]);
    await pool.change('m0', -75n * MIB);
    expect([pool.collator(1).power, pool.collator(2).power]).toEqual([
      (7n * MIB) / 2n,
      (5n * MIB) / 2n,
    ]);
    await pool.change('m0', -75n * MIB);
    expect(lent(pool)).toEqual([]);
    expect([pool.collator(1).power, pool.collator(2).power]).toEqual([0n, 0n]);
  });

  it('[P7] to a collator that goes costs that block the same, however many lent to it', async () => {
    const changes = async (miners: readonly string[]) => {
      const pool = await startPower({ params: { minEligible: 1 } });
      await pool.register(1);
      for (const miner of miners) {
        await pool.mine(miner, 10n * MIB);
        await pool.lend(miner, 1, 10n * MIB);
      }
      const { chain } = pool;
      await chain.run(pool.owner(1), leaveCollators, { collator: pool.nodeKey(1) });
      const written = chain.application.changes().filter(([key]) => key.startsWith('power/'));
      return { pool, written: written.length };
    };
    const few = await changes(['m0']);
    const many = await changes(['m0', 'm1', 'm2', 'm3']);
    expect(many.written).toBe(few.written);
    await many.pool.register(2);
    for (const miner of ['m0', 'm1', 'm2', 'm3']) await many.pool.lend(miner, 2, 10n * MIB);
    expect(many.pool.collator(2).power).toBe(40n * MIB);
  });
});

describe('collators', () => {
  it('[P8] register with a bond, a bound node key and a root chain key that agrees', async () => {
    const pool = await begin();
    const { chain } = pool;
    const owner = pool.owner(2);
    const good = await pool.registration(2);
    const refused = (code: string, change: object) =>
      chain.expectRefused(code, owner, registerCollator, { ...good, ...change });
    await refused('power/bond-too-small', { bond: BOND - 1n });
    await refused('accounts/insufficient-funds', { bond: 10n ** 24n });
    await refused('power/not-your-node-key', { nodeKey: pool.nodeKey(3) });
    await refused('power/no-consent', { rootKey: chain.account('other').id });
    await refused('power/no-consent', { consent: new Uint8Array(65) });
    await refused('power/bad-commission', { commissionPpm: 1_000_001 });
    const others = await pool.registration(1);
    await refused('power/root-key-taken', { rootKey: others.rootKey, consent: others.consent });
    await chain.run(owner, registerCollator, good);
    await refused('power/collator-known', {});
    const known = { ...good, nodeKey: pool.nodeKey(0) };
    await chain.expectRefused('power/known-validator', pool.owner(0), registerCollator, known);
  });

  it('[P8] are among the keys that the engine holds, where it is the only one', async () => {
    const hosted = [(await startPower()).nodeKey(1)];
    const pool = await startPower({ params: { hosted } });
    await pool.register(1);
    const fields = await pool.registration(2);
    await pool.chain.expectRefused('power/not-hosted', pool.owner(2), registerCollator, fields);
  });

  it('[P8] are bounded in number', async () => {
    const pool = await begin({ maxCollatorsAll: 1 });
    const fields = await pool.registration(2);
    await pool.chain.expectRefused(
      'power/too-many-candidates',
      pool.owner(2),
      registerCollator,
      fields,
    );
  });

  it('[P8] may have stake of others for a bond, which adds nothing to their weight', async () => {
    const pool = await startPower({ power: { virtualStake: () => BOND } });
    await pool.mine('m0', 10n * MIB);
    await pool.register(1, 0n);
    await pool.lend('m0', 1, MIB);
    await pool.endSession();
    expect(collatorPower(pool.chain.state, pool.nodeKey(1))).toBe(MIB);
    await pool.endSession();
    expect(pool.chain.seats()).toEqual(['v0', 'v1']);
  });

  it('[P8] whose stake of others goes away lose their candidacy, and a seat that they had won', async () => {
    let stake = BOND;
    const pool = await startPower({ power: { virtualStake: () => stake } });
    await pool.mine('m0', 10n * MIB);
    await pool.register(1, 0n);
    await pool.register(2);
    for (const index of [1, 2]) await pool.lend('m0', index, MIB);
    await pool.endSession();
    stake = 0n;
    await pool.endSession();
    expect(pool.chain.seats()).toEqual(['v0', 'v2']);
    expect(pool.collator(1)).toMatchObject({ registered: 0, power: 0n });
    expect(collatorPower(pool.chain.state, pool.nodeKey(1))).toBe(0n);
  });

  it('[P8] add to their bond, never take from it but by leaving, and wait for it then', async () => {
    const pool = await begin();
    const { chain } = pool;
    const collator = pool.nodeKey(1);
    const owner = pool.owner(1);
    await chain.run(owner, addBond, { collator, amount: 5n });
    expect(pool.collator(1).bond).toBe(BOND + 5n);
    await chain.expectRefused('power/zero-amount', owner, addBond, { collator, amount: 0n });
    const stranger = chain.account('m0');
    const one = { collator, amount: 1n };
    await chain.expectRefused('power/not-your-collator', stranger, addBond, one);
    await chain.expectRefused('power/not-your-collator', stranger, leaveCollators, { collator });
    await chain.run(owner, leaveCollators, { collator });
    await chain.expectRefused('power/not-a-collator', owner, leaveCollators, { collator });
    await chain.expectRefused('power/not-a-collator', owner, addBond, one);
    const before = chain.free(owner);
    for (let session = 0; session < 4; session++) await pool.endSession();
    expect(chain.free(owner)).toBe(before);
    await pool.endSession();
    expect(chain.free(owner)).toBe(before + BOND + 5n);
  });

  it('[P8] cannot leave when too few would be left', async () => {
    const pool = await startPower({ params: { minEligible: 2 } });
    await pool.register(1);
    const { chain } = pool;
    const leave = { collator: pool.nodeKey(1) };
    await chain.expectRefused('power/too-few-left', pool.owner(1), leaveCollators, leave);
    await pool.register(2);
    await chain.run(pool.owner(1), leaveCollators, leave);
  });

  it('[P8] with a low perception score keep their power and are not drawn', async () => {
    const trusted = new Set<number>();
    const pool = await startPower({
      power: { scoreGate: (_, nodeKey) => trusted.has(nodeKey[0]!) },
    });
    await pool.pool([1, 2]);
    trusted.add(pool.nodeKey(1)[0]!);
    await pool.endSession();
    await pool.endSession();
    expect(pool.chain.seats()).toEqual(['v0', 'v1']);
    expect(pool.collator(2).power).toBe(4n * MIB);
  });

  it('[P8] are removed after badly attended sessions with a seat, and for none without', async () => {
    const pool = await startPower();
    const { chain } = pool;
    await pool.pool([1, 2, 3]);
    await pool.endSession();
    await pool.endSession();
    expect(chain.seats()).toEqual(['v0', 'v1', 'v2', 'v3']);
    // v3 stops voting: two thirds of the votes go on without it.
    for (let session = 0; session < 2; session++) {
      for (let i = 0; i < 12; i++) await chain.block([], { absent: [3] });
      await chain.block([], { afterMs: 60_000n, absent: [3] });
    }
    expect(pool.collator(3)).toMatchObject({ registered: 0 });
    expect(pool.collator(2)).toMatchObject({ registered: 1, badSessions: 0 });
  });
});
