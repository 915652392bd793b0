/** What a watcher forgets when the root chain takes back child blocks below the margin, and others come under their numbers. */
import { toHex } from '@palisade/core';
import { BlockTree, positionOf } from '@palisade/payments';
import { expect, it } from 'vitest';
import { ALICE, BOB, CAROL, open, payment } from '../../payments/test/wallets.ts';
import { NO_TOTALS } from '../src/accounting/book.ts';
import { readCheckpoint } from '../src/ledger/checkpoint.ts';
import { startApiWorld } from './api-world.ts';

it('[X1] of a block that was taken back nothing is found any more, and proofs are of the one in its place', async () => {
  const world = await startApiWorld('v2');
  try {
    const { chain, watch } = world;
    const [coin, other] = [chain.deposit(ALICE, 10n), chain.deposit(ALICE, 5n)];
    const facts = chain.facts.length;
    const toBob = world.sign(payment([coin], [[BOB, 10n]]), [ALICE]);
    const toCarol = world.sign(payment([other], [[CAROL, 5n]]), [ALICE]);
    const [first] = await world.block([toBob]);
    await world.block([]);
    // Asked once, so that whatever is kept of it is kept.
    expect(watch.transactions.proven(first!)?.root).toEqual(BlockTree.of([open(toBob).raw]).root);
    expect(watch.view.spenderOf(coin)?.place).toEqual({ blknum: 1000, txindex: 0 });
    expect([...watch.blocks.historyOf(BOB.address)]).toHaveLength(1);
    await watch.writeCheckpoint();
    const challenge = { txHash: '0xaa', subject: 'standard-exit/7/3', height: chain.height - 1 };
    await watch.entries.add(
      { ...challenge, spent: 5n, reimbursed: 9n, outcome: 'won' },
      { ...challenge, height: 1, empty: false, reimbursed: 9n },
    );

    await world.takeBack(facts);
    expect(watch.entries.totals).toEqual(NO_TOTALS);
    expect([...watch.entries.unsettled()].map(({ txHash }) => txHash)).toEqual(['0xaa']);
    expect(await readCheckpoint(watch.parts.checkpointPath)).toBeUndefined();
    expect(watch.lastMined()).toBeUndefined();
    chain.wrongBlock([toCarol], [open(toCarol).raw]);
    await world.read();
    expect(watch.books.blknum).toBe(1000);
    expect([...watch.mined.keys()]).toEqual([1000]);
    const { root } = BlockTree.of([open(toCarol).raw]);
    expect(watch.transactions.proven(first!)).toMatchObject({ raw: open(toCarol).raw, root });
    expect(watch.transactions.placeOf(open(toBob).hash)).toBeUndefined();
    expect(watch.blocks.spenderOf(coin)).toBeUndefined();
    expect(watch.view.spenderOf(coin)).toBeUndefined();
    expect(watch.view.spenderOf(other)?.place).toEqual({ blknum: 1000, txindex: 0 });
    expect([...watch.blocks.historyOf(BOB.address)]).toEqual([]);
    expect(watch.blocks.transactionsUpTo(2000)).toBe(0);
    expect(
      watch.books.ledger.get(positionOf({ blknum: 1000, txindex: 0, oindex: 0 }))?.owner,
    ).toEqual(CAROL.address);
    expect(toHex(watch.mined.get(1000)!.root)).toBe(toHex(root));
  } finally {
    await world.stop();
  }
});
