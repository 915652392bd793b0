import { MemoryStore, refuse } from '@palisade/core';
import { silentLogger } from '@palisade/daemon';
import { exitGameAbi, type Outcome, type Sender, type Transaction } from '@palisade/rootchain';
import { beforeEach, describe, expect, it } from 'vitest';
import { ALICE, BOB, open, pay } from '../../../payments/test/wallets.ts';
import { EntryBook } from '../accounting/entries.ts';
import type { Transactions } from '../blocks/transactions.ts';
import type { Challenge } from '../exits/findings.ts';
import type { Head, RootChain } from '../root/root-chain.ts';
import { Challenger, type ChallengerParts } from './challenger.ts';

const GWEI = 10n ** 9n;
const BOND = 233n * 10n ** 14n;
const POSITION = 10n ** 9n;
const PERIOD = 10_000;
const spent = open(pay([POSITION], [ALICE], [[BOB, 1n]]));

/** An exit that started at height 100 and can be paid at second 10 000. */
const challenge: Challenge = {
  ...{ kind: 'standard-exit', subject: 'standard-exit/7/100', visibleAt: 100, index: 0 },
  deadline: PERIOD,
  exit: {
    ...{ kind: 'standard', exitId: 7n, position: POSITION, owner: ALICE.address },
    ...{ outputTx: spent.raw, token: new Uint8Array(20), amount: 1n, startedAt: 100 },
    ...{ startTx: new Uint8Array(32), finalizesAt: PERIOD, status: 'open' },
  },
  spend: {
    ...{ txHash: spent.hash, raw: spent.raw, input: 0, signature: new Uint8Array(65) },
    ...{ place: { blknum: 1000, txindex: 0 }, visibleAt: 90 },
  },
};

let exitable: { latest: boolean; pending: boolean };
let sent: Transaction[];
let outcome: Outcome;
/** Height of the newest block when something was sent last. */
let sentAt: number;
let height: number;
let entries: EntryBook;
const booked = () => [...entries.all()];
beforeEach(() => {
  exitable = { latest: true, pending: true };
  sent = [];
  entries = new EntryBook(new MemoryStore());
  outcome = mined('mined');
});

const unwanted: Outcome = {
  kind: 'refused',
  refusal: refuse('rootchain/not-wanted', 'Not wanted.'),
};

function mined(kind: 'mined' | 'reverted'): Outcome {
  const receipt = {
    ...{
      transactionHash: '0xaa',
      blockNumber: 120n,
      blockHash: '0xbb',
      status: kind === 'mined' ? 1n : 0n,
    },
    ...{ gasUsed: 261_000n, effectiveGasPrice: 10n * GWEI, contractAddress: undefined },
  } as Extract<Outcome, { readonly receipt: unknown }>['receipt'];
  return { kind, receipt };
}

function challenger(more: Partial<ChallengerParts> = {}): Challenger {
  const root = {
    contracts: { exitGame: `0x${'ee'.repeat(20)}` },
    sources: { exitGame: { abi: exitGameAbi } },
    standardRecords: async (_: readonly bigint[], at: 'latest' | 'pending') => [
      { exitable: exitable[at], utxoPos: POSITION, bondSize: BOND },
    ],
  } as unknown as RootChain;
  const sender: Sender = {
    address: `0x${'c1'.repeat(20)}`,
    balance: async () => 10n ** 18n,
    receiptOf: async () => undefined,
    send: async (transaction) => {
      if (!(await transaction.announce!({ hash: '0xaa', empty: false }))) return unwanted;
      sent.push(transaction);
      sentAt = height;
      if (outcome.kind === 'mined') exitable = { latest: false, pending: false };
      return outcome;
    },
  };
  return new Challenger({
    ...{ root, sender, transactions: {} as Transactions, mode: 'defensive', dryRun: false },
    ...{ margins: { slaBlocks: 100, blockTimeMs: 1 }, minExitPeriodSeconds: PERIOD },
    ...{ finalityMargin: 12, onSent: () => {}, log: silentLogger },
    entries,
    ...{ clock: { nowMs: () => 0 }, signal: new AbortController().signal },
    ...more,
  });
}

/** The watcher looks at heights from one to another, and time for what it began. */
async function look(
  who: Challenger,
  from: number,
  to = from,
  { synced = true, baseFee = 10n * GWEI, seconds = 0, challenges = [challenge] } = {},
): Promise<void> {
  for (height = from; height <= to; height++) {
    const head: Head = { height, seconds, baseFee };
    who.look({ head, synced, balance: 10n ** 18n, challenges });
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}

describe('the challenger', () => {
  it('[X8][X9][X13] sends once, within 20 blocks of when it was possible, without value, and books what it cost and brought', async () => {
    const who = challenger();
    await look(who, 112, 133);
    expect(sent).toHaveLength(1);
    expect(sent[0]!.value).toBeUndefined();
    expect(sent[0]!.maxFeePerGas! * 261_000n).toBeLessThanOrEqual(BOND);
    expect(booked()).toMatchObject([
      {
        ...{ txHash: '0xaa', subject: challenge.subject, height: 120, outcome: 'won' },
        ...{ spent: 261_000n * 10n * GWEI, reimbursed: BOND },
      },
    ]);
  });

  it('[X9] never waits past half of the time left, though blocks come more slowly than it was told', async () => {
    const who = challenger({ margins: { slaBlocks: 10, blockTimeMs: 1000 } });
    // By the block time there are 100 blocks left; in truth there are two.
    await look(who, 112, 112, { seconds: PERIOD - 100 });
    expect(sent).toEqual([]);
    await look(who, 113, 113, { seconds: PERIOD - 50 });
    expect(sent).toHaveLength(1);
  });

  it('[X14] sends nothing before it is synced, and nothing where it only looks', async () => {
    await look(challenger(), 112, 140, { synced: false });
    await look(challenger({ mode: 'watch-only' }), 112, 140);
    await look(challenger({ dryRun: true }), 112, 140);
    expect(sent).toEqual([]);
  });

  it('[X9] finds out just before it sends that somebody was first', async () => {
    exitable = { latest: false, pending: false };
    await look(challenger(), 112, 140);
    expect(sent).toEqual([]);
  });

  it("[X9] leaves it to somebody else's pending challenge, but not for ever: a thief could show one", async () => {
    await look(challenger(), 112, 136);
    const undisturbed = sentAt;
    exitable = { latest: true, pending: false };
    await look(challenger(), 112, 136);
    expect(sent).toHaveLength(2);
    expect(sentAt).toBe(undisturbed + 3);
    exitable = { latest: true, pending: false };
    sent = [];
    const impatient = challenger();
    await look(impatient, 112, 112, { seconds: PERIOD - 0.01 });
    await look(impatient, 133, 133, { seconds: PERIOD - 0.01 });
    expect(sent).toHaveLength(1);
  });

  it('[X9][X13] waits while gas costs more than the bond, and pays more when time runs out', async () => {
    const who = challenger();
    await look(who, 112, 140, { baseFee: 200n * GWEI });
    expect(sent).toEqual([]);
    await look(who, 141, 143, { baseFee: 200n * GWEI, seconds: PERIOD - 0.05 });
    expect(sent).toHaveLength(1);
    expect(sent[0]!.maxFeePerGas! * 261_000n).toBeGreaterThan(BOND);
  });

  it('[X13] books a challenge that was lost as a loss, and tries again while the exit stands', async () => {
    outcome = mined('reverted');
    const who = challenger();
    await look(who, 112, 150);
    expect(sent.length).toBeGreaterThan(1);
    expect(booked()[0]).toMatchObject({ outcome: 'lost', reimbursed: 0n });
  });

  it('a challenge that the chain would refuse costs nothing, and is tried again later', async () => {
    outcome = { kind: 'refused', refusal: refuse('rootchain/would-revert', 'It would revert.') };
    await look(challenger(), 112, 150);
    expect(sent.length).toBeGreaterThan(1);
    expect(booked()).toEqual([]);
  });
});
