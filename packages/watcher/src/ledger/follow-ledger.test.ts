import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryStore, toHex } from '@palisade/core';
import { silentLogger } from '@palisade/daemon';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ALICE,
  at,
  BOB,
  CAROL,
  DOMAIN,
  open,
  pay,
  recover,
} from '../../../payments/test/wallets.ts';
import { contents, TestChain } from '../../test/child-chain.ts';
import { BlockStore } from '../blocks/block-store.ts';
import { Books } from './books.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { type InvalidPayout, LedgerFollower } from './follow-ledger.ts';

const PATIENCE_MS = 60_000;

let chain: TestChain;
let store: MemoryStore;
let now: number;
let payouts: InvalidPayout[];
beforeEach(() => {
  chain = new TestChain();
  store = new MemoryStore();
  now = 1_000_000;
  payouts = [];
});

/** A watcher's ledger that starts, or starts again, on what is stored. */
function follow(books = new Books()): LedgerFollower & { readonly books: Books } {
  const follower = new LedgerFollower({
    ...{ books, store, blocks: new BlockStore(store), childChain: chain.api },
    judging: { domain: DOMAIN, recover },
    clock: { nowMs: () => now },
    patienceMs: PATIENCE_MS,
    payoutOf: ({ event }) =>
      event.name === 'ExitFinalized'
        ? { exitId: event.exitId, paid: [at(Number(event.exitId))], consumed: [] }
        : undefined,
    onInvalidPayout: (payout) => payouts.push(payout),
    onBlock: () => {},
    log: silentLogger,
  });
  follower.push(chain.facts);
  return Object.assign(follower, { books });
}

describe('the ledger of a watcher', () => {
  it('[X7] follows deposits, blocks and paid exits to the state that the operator has', async () => {
    const coins = [chain.deposit(ALICE, 10n), chain.deposit(BOB, 7n)];
    const [paid] = chain.block([
      pay(
        [coins[0]!],
        [ALICE],
        [
          [CAROL, 6n],
          [ALICE, 4n],
        ],
      ),
    ]);
    chain.block([]);
    chain.block([pay([paid!, coins[1]!], [CAROL, BOB], [[BOB, 13n]])]);
    const follower = follow();
    await follower.advance();
    expect(follower.standstill).toBeUndefined();
    expect(contents(follower.books.ledger)).toEqual(contents(chain.ledger));
    expect(follower.books.blknum).toBe(3000);
    const blocks = new BlockStore(store);
    expect(blocks.spenderOf(paid!)).toEqual({ blknum: 3000, txindex: 0, input: 0 });
    const { hash } = open(
      pay(
        [coins[0]!],
        [ALICE],
        [
          [CAROL, 6n],
          [ALICE, 4n],
        ],
      ),
    );
    expect(blocks.placeOfTx(hash)).toEqual({ blknum: 1000, txindex: 0 });
  });

  it('[X7] stands still at an invalid block, whose body it keeps, and goes on once the right one is handed out', async () => {
    const coin = chain.deposit(ALICE, 10n);
    chain.block([pay([coin], [ALICE], [[BOB, 10n]])]);
    const [, submitted] = chain.facts;
    const hash = toHex((submitted!.event as { root: Uint8Array }).root);
    const right = chain.bodies.get(hash)!;
    // The same root, but signed by somebody else: signatures are not under the root.
    chain.bodies.set(hash, { ...right, transactions: [pay([coin], [CAROL], [[BOB, 10n]])] });
    chain.block([pay([at(1000)], [BOB], [[CAROL, 10n]])]);
    const follower = follow();
    await follower.advance();
    expect(follower.standstill).toMatchObject({
      kind: 'invalid_block',
      block: {
        blknum: 1000,
        error: 'tx_execution',
        refusal: { code: 'payments/unauthorized_spend' },
      },
    });
    expect(new BlockStore(store).block(1000)!.transactions).toHaveLength(1);
    expect(follower.books.blknum).toBe(0);
    const again = follow(follower.books);
    await again.advance();
    expect(again.standstill?.kind).toBe('invalid_block');
    chain.bodies.set(hash, right);
    now += 60_000;
    await again.advance();
    expect(again.standstill).toBeUndefined();
    expect(contents(again.books.ledger)).toEqual(contents(chain.ledger));
  });

  it('[X7] an invalid block of the root itself stays one, however often it is asked for', async () => {
    chain.deposit(ALICE, 10n);
    const theft = pay([at(1)], [BOB], [[BOB, 10n]]);
    chain.wrongBlock([theft], [open(theft).raw]);
    const follower = follow();
    for (let i = 0; i < 5; i++) {
      await follower.advance();
      now += 30_000;
    }
    expect(follower.standstill).toMatchObject({ kind: 'invalid_block', block: { txindex: 0 } });
  });

  it('[X7] a block that is not handed out counts as withheld when patience ends, also over a restart', async () => {
    const coin = chain.deposit(ALICE, 10n);
    chain.block([pay([coin], [ALICE], [[BOB, 10n]])]);
    const hash = [...chain.bodies.keys()][0]!;
    chain.withheld.add(hash);
    const first = follow();
    await first.advance();
    expect(first.standstill).toMatchObject({
      kind: 'missing_block',
      blknum: 1000,
      withheld: false,
    });
    now += PATIENCE_MS / 2;
    const second = follow(first.books);
    await second.advance();
    expect(second.standstill).toMatchObject({ withheld: false });
    now += PATIENCE_MS / 2;
    await second.advance();
    expect(second.standstill).toMatchObject({ withheld: true });
    chain.withheld.clear();
    now += 60_000;
    await second.advance();
    expect(second.standstill).toBeUndefined();
    expect(contents(second.books.ledger)).toEqual(contents(chain.ledger));
  });

  it('[X1] a block that replaced another one of its number on the root chain is asked for, though a body is stored', async () => {
    const coin = chain.deposit(ALICE, 10n);
    chain.block([pay([coin], [ALICE], [[BOB, 10n]])]);
    const taken = { number: 1000, hash: new Uint8Array(32).fill(1), transactions: [] };
    await new BlockStore(store).put(taken);
    const follower = follow();
    await follower.advance();
    expect(follower.standstill).toBeUndefined();
    expect(contents(follower.books.ledger)).toEqual(contents(chain.ledger));
  });

  it('[X7] a missing block is not asked for all the time', async () => {
    chain.block([]);
    chain.withheld.add([...chain.bodies.keys()][0]!);
    const follower = follow();
    for (let i = 0; i < 100; i++) await follower.advance();
    expect(chain.asked).toBe(1);
  });

  it('[X4][X6] a paid exit spends its output; one that was spent before is an invalid finalization', async () => {
    chain.deposit(ALICE, 10n);
    chain.fact({ name: 'ExitFinalized', exitId: 1n });
    const paid = chain.fact({ name: 'ExitFinalized', exitId: 1n });
    const follower = follow();
    await follower.advance();
    expect(follower.books.ledger.size).toBe(0);
    expect(payouts).toEqual([{ fact: paid, exitId: 1n, positions: [at(1)] }]);
  });
});

describe('a checkpoint of the ledger', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'palisade-checkpoint-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('[X15] is what was written, and only what came after it is applied', async () => {
    const coin = chain.deposit(ALICE, 10n);
    chain.block([pay([coin], [ALICE], [[BOB, 10n]])]);
    const first = follow();
    await first.advance();
    first.books.settled.add(2n ** 150n);
    const path = join(dir, 'ledger');
    await writeCheckpoint(path, first.books);
    chain.block([pay([at(1000)], [BOB], [[CAROL, 10n]])]);
    const books = (await readCheckpoint(path))!;
    expect([books.applied, books.blknum, [...books.settled]]).toEqual([
      ...[first.books.applied, 1000, [2n ** 150n]],
    ]);
    const again = follow(books);
    expect(again.waiting).toBe(1);
    await again.advance();
    expect(contents(again.books.ledger)).toEqual(contents(chain.ledger));
  });

  it('is not believed when a byte of it is wrong or missing: all is applied again', async () => {
    chain.deposit(ALICE, 10n);
    const first = follow();
    await first.advance();
    const path = join(dir, 'ledger');
    expect(await readCheckpoint(path)).toBeUndefined();
    await writeCheckpoint(path, first.books);
    const bytes = await readFile(path);
    for (const at of [0, 5, bytes.length - 40, bytes.length - 1]) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1;
      await writeFile(path, damaged);
      expect(await readCheckpoint(path)).toBeUndefined();
    }
    for (const length of [0, 10, bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, length));
      expect(await readCheckpoint(path)).toBeUndefined();
    }
  });
});
