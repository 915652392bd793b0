/**
 * Mistakes that a public predecessor made in this part, one test each; `npm run test:mistakes` puts them
 * back. Those about sectors stand with the sectors.
 */
import { MemoryStore } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { validatorOf } from '../../chain/test/chain-kit.ts';
import { BOND, FUNDS, MIB, MINERS, startPower } from '../test/power-kit.ts';
import { addBond, bondPurpose } from './index.ts';

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
});

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
