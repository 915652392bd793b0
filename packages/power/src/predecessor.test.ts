/**
 * Mistakes that a public predecessor made in this part, one test each; `npm run test:mistakes` puts them
 * back. Those about sectors stand with the sectors.
 */
import { FEE_POT } from '@palisade/chain';
import { type Declaration, MemoryStore, type Signer } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { type Fields, validatorOf } from '../../chain/test/chain-kit.ts';
import { BOND, FUNDS, MIB, MINERS, machineName, startPower } from '../test/power-kit.ts';
import {
  addBond,
  bondPurpose,
  createMiner,
  delegate,
  deregisterMiner,
  leaveCollators,
  registerCollator,
  undelegate,
} from './index.ts';

/** Least price of a record that a command reads or writes, base units: a tenth of a byte's. */
const RECORD_FEE = 10n ** 12n;

/** A store that counts what is read from it. */
class CountingStore extends MemoryStore {
  reads = 0;

  override get(key: string): Uint8Array | undefined {
    this.reads++;
    return super.get(key);
  }

  override *range(from: string, to: string): Generator<readonly [string, Uint8Array]> {
    for (const entry of super.range(from, to)) {
      this.reads++;
      yield entry;
    }
  }
}

/** Records that an empty block in the middle of a session reads. */
async function readsOfABlock(miners: readonly string[], collators: readonly number[]) {
  const store = new CountingStore();
  const pool = await startPower({ store });
  for (const index of collators) await pool.register(index);
  for (const miner of miners) {
    await pool.mine(miner, 100n * MIB);
    for (const index of collators) await pool.lend(miner, index, MIB);
  }
  await pool.endSession();
  while (pool.chain.height % 10n !== 8n) await pool.chain.quietBlocks(1);
  const { application } = pool.chain;
  // The kit looks at all laws after each block: those reads are not the block's.
  pool.chain.checkInvariants = () => undefined;
  store.reads = 0;
  await pool.chain.block([], { afterMs: 1n });
  return { reads: store.reads, changes: application.changes().length };
}

describe('the power of a chain', () => {
  it('[P11] predecessor mistake c: a slash takes its amount exactly once', async () => {
    const pool = await startPower({ feeBurnPpm: 0 });
    const { chain } = pool;
    await pool.pool([1, 2, 3]);
    await pool.endSession();
    await pool.endSession();
    const { account } = pool.collator(1);
    const held = () =>
      chain.state.get(`accounts/hold/${text(account)}pal:${bondPurpose(pool.nodeKey(1))}`);
    expect(held()).toBeDefined();
    const before = chain.totalFunds();
    const validator = { address: validatorOf(1).address, power: 1n };
    const { height } = chain;
    const [timeNs, totalVotingPower] = [0n, 4n];
    await chain.block([], {
      misbehavior: [{ type: 'duplicate-vote', validator, height, timeNs, totalVotingPower }],
    });
    for (let session = 0; session < 6; session++) await pool.endSession();
    const lost = (BOND * 5625n) / 10_000n;
    expect(before - chain.totalFunds()).toBe(lost);
    expect(chain.burned()).toBe(lost);
    expect(held()).toBeUndefined();
  });

  it('[P8] predecessor mistake d: a bond asks for free funds, not for all that the account has', async () => {
    const pool = await startPower();
    await pool.register(1, FUNDS - BOND);
    const { chain } = pool;
    // It has far more in all; of its free funds a fee is gone.
    const more = { collator: pool.nodeKey(1), amount: BOND };
    await chain.expectRefused('accounts/insufficient-funds', pool.owner(1), addBond, more);
  });

  it('[P4] predecessor mistake g: a block reads no more for many miners, collators and delegations', async () => {
    const few = await readsOfABlock(MINERS.slice(0, 1), [1]);
    const many = await readsOfABlock(MINERS, [1, 2, 3, 4, 5]);
    expect(many).toEqual(few);
    expect(few.reads).toBeGreaterThan(0);
  });

  it('[P1] predecessor mistake h: no command is free, and each record that it touches is paid for', async () => {
    const store = new CountingStore();
    const pool = await startPower({ store, params: { minEligible: 1 } });
    const { chain } = pool;
    chain.checkInvariants = () => undefined;
    const touched = () => store.reads + chain.application.changes().length;
    async function costs<T>(signer: Signer, declaration: Declaration<T>, value: Fields<T>) {
      store.reads = 0;
      await chain.block([], { afterMs: 1n });
      const [idle, pot] = [touched(), chain.free(FEE_POT)];
      const tx = await chain.sign(signer, declaration, value);
      store.reads = 0;
      const { results } = await chain.block([tx], { afterMs: 1n });
      expect(results[0]!.code, results[0]!.log).toBe(0);
      const paid = chain.free(FEE_POT) - pot;
      expect(paid, declaration.name).toBeGreaterThan(BigInt(touched() - idle) * RECORD_FEE);
    }
    const collators = [1, 2, 3, 4, 5];
    for (const index of collators)
      await costs(pool.owner(index), registerCollator, await pool.registration(index));
    await costs(chain.machine(machineName('m0')), createMiner, {});
    await pool.change('m0', 100n * MIB);
    const lent = (index: number) => ({ collator: pool.nodeKey(index), amount: MIB });
    for (const index of collators) await costs(chain.account('m0'), delegate, lent(index));
    for (const index of collators) await costs(chain.account('m0'), undelegate, lent(index));
    await costs(pool.owner(1), addBond, lent(1));
    await costs(pool.owner(1), leaveCollators, { collator: pool.nodeKey(1) });
    await costs(chain.machine(machineName('m1')), createMiner, {});
    await costs(chain.account('m1'), deregisterMiner, {});
  });
});

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
