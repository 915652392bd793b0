/**
 * `npm run bench -- watcher [catch-up | exits …]`: what watching a child chain costs.
 *
 * `catch-up` applies blocks that lie on disk to an empty ledger: reads, recovers, judges and indexes
 * them; the anchor is the recovery of the same signatures alone, which is what the machine can do at
 * best. `exits` judges open exits after a block that spends a few of them; the anchor is one look
 * into the ledger for each. Times are of the processor.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRefusal } from '@palisade/core';
import { silentLogger } from '@palisade/daemon';
import { LmdbStore } from '@palisade/daemon/store';
import {
  decodeSigned,
  hashOf,
  inFlightExitId,
  type Position,
  signingDigest,
  standardExitId,
  v2,
} from '@palisade/payments';
import { ALICE, BOB, DOMAIN, pay, recover, type To } from '../packages/payments/test/wallets.ts';
import { BlockStore } from '../packages/watcher/src/blocks/block-store.ts';
import { Transactions } from '../packages/watcher/src/blocks/transactions.ts';
import type { Tip } from '../packages/watcher/src/exits/chain-view.ts';
import { ExitTable } from '../packages/watcher/src/exits/exit-table.ts';
import { casesOf, judgeExits } from '../packages/watcher/src/exits/judge.ts';
import { LedgerView } from '../packages/watcher/src/exits/ledger-view.ts';
import { Books } from '../packages/watcher/src/ledger/books.ts';
import { LedgerFollower } from '../packages/watcher/src/ledger/follow-ledger.ts';
import { secondsAt, TestChain } from '../packages/watcher/test/child-chain.ts';
import { type Round, type Row, report, rowOf, timed } from './kit.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
/** Payments of the first block; each makes as many outputs as may be. */
const PAYMENTS = 400;
const FAN = v2.maxOutputs;
/** Exits that are open: as many outputs as the second block makes. */
const EXITS = PAYMENTS * FAN * FAN;
/** One exit in so many is in-flight. */
const IN_FLIGHT_EVERY = 10;
/** Exits are open for two weeks; in-flight ones can be joined for half a week. */
const WEEK_SECONDS = 604_800;
const AGES = 4;
/** Payments of the new block that spend an output that is exiting. */
const SPENT = 10;
const AMOUNT = 1_000_000n;

const folders: string[] = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newStore(): LmdbStore {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-'));
  folders.push(folder);
  return new LmdbStore(join(folder, 'store'));
}

/** All outputs of payments in a block, which have as many each. */
function outputsOf(firsts: readonly Position[], each: number): readonly Position[] {
  return firsts.flatMap((first) => Array.from({ length: each }, (_, i) => first + BigInt(i)));
}

function split(input: Position, amount: bigint, into: number): Uint8Array {
  const to = Array.from({ length: into }, (): To => [ALICE, amount / BigInt(into)]);
  return pay([input], [ALICE], to);
}

/** Deposits that are split twice: the outputs of the second block, each AMOUNT. */
function grownChain() {
  const chain = new TestChain();
  const [first, second] = [AMOUNT * BigInt(FAN * FAN), AMOUNT * BigInt(FAN)];
  const deposits = Array.from({ length: PAYMENTS }, () => chain.deposit(ALICE, first));
  const splits = chain.block(deposits.map((position) => split(position, first, FAN)));
  const coins = outputsOf(splits, FAN);
  const made = chain.block(coins.map((position) => split(position, second, FAN)));
  return { chain, outputs: outputsOf(made, FAN) };
}

/** A ledger that has nothing yet, and all bodies of the chain on its disk. */
async function beginning({ bodies, facts, api }: TestChain) {
  const store = newStore();
  const [books, blocks] = [new Books(), new BlockStore(store)];
  for (const body of bodies.values()) await blocks.put(body);
  const follower = new LedgerFollower({
    ...{ books, blocks, store, childChain: api, patienceMs: 1000 },
    judging: { domain: DOMAIN, recover },
    clock: { nowMs: () => Date.now() },
    payoutOf: () => undefined,
    onInvalidPayout: () => {},
    onBlock: () => {},
    log: silentLogger,
  });
  return { store, books, blocks, follower, facts };
}

async function applied(chain: TestChain) {
  const parts = await beginning(chain);
  parts.follower.push(chain.facts);
  await parts.follower.advance();
  if (parts.follower.waiting > 0) throw new Error('the ledger stands still');
  return parts;
}

async function catchUp(): Promise<Row> {
  const { chain, outputs } = grownChain();
  chain.block(outputs.map((position) => pay([position], [ALICE], [[BOB, AMOUNT]])));
  const signatures = [...chain.bodies.values()].flatMap(({ transactions }) =>
    transactions.flatMap((bytes) => {
      const signed = decodeSigned(v2, bytes);
      if (isRefusal(signed) || signed.transaction.type !== 1) throw new Error('no payment');
      const digest = signingDigest(DOMAIN, signed.transaction);
      return signed.signatures.map((signature) => ({ digest, signature }));
    }),
  );
  const ours = async () => {
    const { follower, books, store, facts } = await beginning(chain);
    follower.push(facts);
    const { cpu } = await timed(() => follower.advance());
    if (books.ledger.size !== outputs.length) throw new Error('not all of it was applied');
    await store.close();
    return signatures.length / cpu;
  };
  const anchor = async () => {
    const { cpu } = await timed(() => {
      for (const { digest, signature } of signatures)
        if (!recover(digest, signature)) throw new Error('void');
    });
    return signatures.length / cpu;
  };
  return measured(
    {
      case: 'catch-up',
      unit: 'payments/core-s',
      note: `${signatures.length} payments in blocks on disk, against the recovery of their signatures alone; 1 is the limit`,
    },
    ours,
    anchor,
  );
}

/** Opens an exit of an output: a standard one, or one of a payment of it that is in no block. */
function openExit(
  chain: TestChain,
  raw: Uint8Array,
  position: Position,
  age: number | undefined,
): bigint {
  const exitId = standardExitId(v2, raw, position);
  const owner = ALICE.address;
  if (age === undefined) {
    chain.fact({ name: 'ExitStarted', owner, exitId, utxoPos: position, outputTx: raw });
    return queued(chain, exitId);
  }
  const signed = decodeSigned(v2, pay([position], [ALICE], [[BOB, AMOUNT - 1n]]));
  if (isRefusal(signed)) throw new Error(signed.message);
  const txHash = hashOf(signed.raw);
  chain.fact({
    ...{ name: 'InFlightExitStarted', initiator: owner, txHash, inFlightTx: signed.raw },
    ...{ inputUtxosPos: [position], inFlightTxWitnesses: [...signed.signatures] },
    ...{ inputTxs: [raw], seconds: secondsAt(chain.height) - (age * WEEK_SECONDS) / 2 },
  });
  chain.fact({ name: 'InFlightExitInputPiggybacked', exitTarget: owner, txHash, inputIndex: 0 });
  return queued(chain, inFlightExitId(v2, signed.raw));
}

function queued(chain: TestChain, exitId: bigint): bigint {
  const priority = BigInt(secondsAt(chain.height) + WEEK_SECONDS) << v2.priority.timeAt;
  chain.fact({ name: 'ExitQueued', exitId, priority });
  return exitId;
}

/** A chain with open exits, and what is spent of them by its newest block. */
function exiting() {
  const { chain, outputs } = grownChain();
  const raws = [...chain.bodies.values()].at(-1)!.transactions.map((bytes) => {
    const signed = decodeSigned(v2, bytes);
    if (isRefusal(signed)) throw new Error(signed.message);
    return signed.raw;
  });
  const tip = { standard: new Map<bigint, boolean>(), inFlight: new Map() };
  for (const [i, position] of outputs.entries()) {
    const raw = raws[Math.floor(i / FAN)]!;
    const age = i % IN_FLIGHT_EVERY === 1 ? Math.floor(i / IN_FLIGHT_EVERY) % AGES : undefined;
    const exitId = openExit(chain, raw, position, age);
    if (age === undefined) tip.standard.set(exitId, true);
    else tip.inFlight.set(exitId, { exists: true, canonical: true, oldestCompetitor: 0n, map: 1n });
  }
  return { chain, outputs, tip: tip as Tip };
}

async function exits(): Promise<Row> {
  const { chain, outputs, tip } = exiting();
  let next = 0;
  const { books, blocks, follower } = await applied(chain);
  const table = new ExitTable(v2);
  for (const fact of chain.facts) table.apply(fact);
  books.onSpent = (position) => table.docket.touch(position);
  const transactions = new Transactions(blocks, v2);
  const view = new LedgerView(() => books, blocks, transactions, v2);
  const ours = async () => {
    const stolen = outputs.slice(next, next + SPENT);
    next += SPENT;
    const before = chain.facts.length;
    chain.block(stolen.map((position) => pay([position], [ALICE], [[BOB, AMOUNT]])));
    const facts = chain.facts.slice(before);
    for (const fact of facts) table.apply(fact);
    follower.push(facts);
    await follower.advance();
    let found = 0;
    const { cpu } = await timed(() => {
      const present = {
        ...{ dialect: v2, table, view },
        now: { height: chain.height, seconds: secondsAt(chain.height) },
        margins: { slaBlocks: 5520, blockTimeMs: 12_000 },
        minExitPeriodSeconds: WEEK_SECONDS,
      };
      found = judgeExits({ ...present, tip }, casesOf(present)).challenges.length;
    });
    if (found < SPENT) throw new Error(`${found} challenges, and ${SPENT} exits are wrong`);
    for (const utxoPos of stolen) table.apply(chain.fact({ name: 'ExitChallenged', utxoPos }));
    return 1000 * cpu;
  };
  const anchor = async () => {
    const { cpu } = await timed(() => {
      let there = 0;
      for (const position of outputs) if (books.ledger.has(position)) there++;
      if (there + next !== outputs.length) throw new Error('the ledger is wrong');
    });
    return 1000 * cpu;
  };
  return measured(
    {
      case: 'exits',
      unit: 'ms',
      note: `${EXITS} open exits, every tenth in-flight, a quarter of these in its first phase, after a block that spends ${SPENT} of them; to be below 10 ms`,
    },
    ours,
    anchor,
    // Each is a few milliseconds: a watcher that has just started is not what is measured.
    20,
  );
}

async function measured(
  head: Pick<Row, 'case' | 'unit' | 'note'>,
  ours: () => Promise<number>,
  anchor: () => Promise<number>,
  warmUps = 1,
): Promise<Row> {
  const rounds: Round[] = [];
  // The first rounds warm the compilers up on both sides, and are not counted.
  for (let i = 0; i < warmUps + ROUNDS; i++) {
    const round = { ours: await ours(), anchor: await anchor() };
    if (i >= warmUps) rounds.push(round);
  }
  return rowOf(head, rounds);
}

const CASES: Readonly<Record<string, () => Promise<Row>>> = { 'catch-up': catchUp, exits };
const asked = process.argv.slice(2).filter((name) => name in CASES);
const rows: Row[] = [];
for (const name of asked.length > 0 ? asked : Object.keys(CASES)) rows.push(await CASES[name]!());
report('watcher', rows);
