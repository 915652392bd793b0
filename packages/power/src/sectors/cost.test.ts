import { describe, expect, it } from 'vitest';
import { blockOver, CountingStore, closingState } from '../../test/many-miners.ts';
import { TEST_SECTORS } from '../../test/sectors-kit.ts';
import { beginBlock } from './block.ts';

/** Reads of the store by the block that closes a deadline, or by one that owes nothing. */
async function readsOf(counts: { others: number; due: number; size: number }, later = 0n) {
  const { store, power, height } = await closingState(TEST_SECTORS, counts);
  const counting = new CountingStore(store);
  beginBlock(blockOver(counting, height + later), power);
  return { reads: counting.reads, power };
}

describe('what a block costs', () => {
  it('[P9] predecessor mistake g: does not grow with miners that have nothing due', async () => {
    const few = await readsOf({ others: 5, due: 3, size: 2 });
    const many = await readsOf({ others: 400, due: 3, size: 2 });
    expect(many.reads).toBe(few.reads);
    expect((await readsOf({ others: 400, due: 3, size: 2 }, 1n)).reads).toBeLessThan(5);
  });

  it('[P9] grows with what is due, and takes the power of all of it, in the order of miners', async () => {
    const three = await readsOf({ others: 5, due: 3, size: 2 });
    const six = await readsOf({ others: 5, due: 6, size: 2 });
    const one = (six.reads - three.reads) / 3;
    expect(one).toBeLessThan(10);
    expect([...six.power.raw.values()].filter((raw) => raw === 0n)).toHaveLength(6);
    expect([...six.power.raw.values()].filter((raw) => raw > 0n)).toHaveLength(5);
  });
});
