/**
 * A watcher of the first version's contracts on a real root chain: their events tell little, and what they are about is
 * read from calls, also from those that other contracts make. The contracts are ours with that version's dialect
 * (`scripts/contracts-v1.mjs`).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRefusal, PalisadeError } from '@palisade/core';
import { decodeSigned, inFlightExitId, standardExitId, v1 } from '@palisade/payments';
import type { Rpc } from '@palisade/rootchain';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ALICE, BOB, CAROL, person } from '../../payments/test/wallets.ts';
import { type RunningWatcher, startWatcher } from '../src/watcher.ts';
import { type RootWorld, startRootWorld, until } from './root-world.ts';

const ETH = 10n ** 18n;
const CHALLENGER = person('challenger');
/** Where calls are handed on from. */
const FORWARDER = `0x${'fa'.repeat(20)}` as const;

let world: RootWorld;
let dir: string;
const watchers: RunningWatcher[] = [];

beforeAll(async () => {
  world = await startRootWorld({ dialect: v1, mineMs: 40, minExitPeriodS: 600n });
  // Copies its calldata, hands it on with the value, and fails when that fails.
  const to = world.contracts.exitGame.slice(2);
  const code = `0x365f5f375f5f365f3473${to}5af16026575f5ffd5b00`;
  await world.anvil.control('anvil_setCode', FORWARDER, code);
});
afterAll(() => world.stop());
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'palisade-v1-'));
});
afterEach(async () => {
  for (const watcher of watchers.splice(0)) await watcher.stop();
  await rm(dir, { recursive: true, force: true });
});

async function watch(rpc?: Rpc): Promise<RunningWatcher> {
  await world.fund(CHALLENGER, 100n * ETH);
  const { contracts, anvil, server } = world;
  const watcher = await startWatcher({
    settings: {
      ...{ framework: contracts.framework, deployedAt: Number(contracts.deployedAt) },
      ...{ rootChain: [anvil.url], childChain: server.url, finalityMargin: 2 },
      ...{ blockTimeMs: 250, pollMs: 50, dialect: 'v1' },
    },
    challengerSecret: CHALLENGER.secret,
    dataDir: dir,
    ...(rpc ? { rpc } : {}),
  });
  watchers.push(watcher);
  return watcher;
}

/** A node that does not trace, while `off`. */
function untraced(): Rpc & { off: boolean } {
  const { rpc } = world;
  const node: Rpc & { off: boolean } = {
    off: true,
    ask: (question, signal) => {
      if (!node.off || question.method !== 'debug_traceTransaction')
        return rpc.ask(question, signal);
      const message = 'the method debug_traceTransaction does not exist';
      return Promise.reject(new PalisadeError({ code: 'rootchain/refused', message }));
    },
  };
  return node;
}

const eventsOf = ({ watch: { findings } }: RunningWatcher) =>
  findings.events.map(({ event }) => event);

/** Alice spends a deposit in a block. */
async function spentCoin() {
  const coin = await world.deposit(ALICE, 3n * ETH);
  await world.block([world.pay([coin], [ALICE], [[BOB, 3n * ETH]])]);
  return coin;
}

/** Whether a standard exit was stopped. */
async function isStopped(coin: bigint): Promise<boolean> {
  const [raw] = world.child(coin);
  const { exitable, utxoPos } = await world.standardRecord(standardExitId(v1, raw!, coin));
  expect(utxoPos).toBe(coin);
  return !exitable;
}

describe('a watcher of contracts with thin events', () => {
  it('[X16][X8] reads calls for what events leave out, and challenges an exit of spent money', async () => {
    const watcher = await watch();
    const coin = await spentCoin();
    await world.startExit(ALICE, coin);
    await until(() => isStopped(coin), 'the challenge');
    await until(() => eventsOf(watcher).length === 0, 'quiet');
  });

  it('[X12][X16] challenges an in-flight exit that another contract started, and notices that one ends without a word', async () => {
    const watcher = await watch();
    const coin = await world.deposit(ALICE, 2n * ETH);
    const signed = world.pay([coin], [ALICE], [[CAROL, 2n * ETH]]);
    await world.block([world.pay([coin], [ALICE], [[BOB, 2n * ETH]])]);
    const raw = await world.startInFlight(ALICE, signed, FORWARDER);
    await world.piggyback(ALICE, raw, 'input', 0);
    await until(async () => {
      const { isCanonical, exitMap } = await world.inFlightRecord(raw);
      return !isCanonical && exitMap === 0n;
    }, 'both challenges');
    // A good one is joined, paid, and its record is gone.
    const good = await world.deposit(ALICE, ETH);
    const kept = world.pay([good], [ALICE], [[CAROL, ETH]]);
    for (const one of [BOB, CAROL]) await world.fund(one);
    const goodRaw = await world.startInFlight(ALICE, kept);
    await world.piggyback(CAROL, goodRaw, 'output', 0);
    const exitId = inFlightExitId(v1, goodRaw);
    const isOpen = () => watcher.watch.table.openExit(exitId) !== undefined;
    await until(isOpen, 'the start to be read');
    await world.warp(1300);
    await world.processExits(BOB);
    await until(() => !isOpen(), 'the end without an event');
  });

  it('[X10][X16] says so when nobody can tell what an exit is about, challenges the others, and goes on when somebody can', async () => {
    const node = untraced();
    const watcher = await watch(node);
    const coin = await world.deposit(ALICE, 2n * ETH);
    const signed = world.pay([coin], [ALICE], [[CAROL, 2n * ETH]]);
    await world.block([world.pay([coin], [ALICE], [[BOB, 2n * ETH]])]);
    const raw = await world.startInFlight(ALICE, signed, FORWARDER);
    await world.piggyback(ALICE, raw, 'input', 0);
    await until(() => eventsOf(watcher).includes('unreadable_exit'), 'the alarm');
    expect(watcher.watch.findings.danger.level).toBe('DANGER');
    const refused = () => watcher.watch.refusal()?.message.includes('unreadable_exit');
    await until(refused, 'the refusal');
    const other = await spentCoin();
    await world.startExit(ALICE, other);
    await until(() => isStopped(other), 'the challenge of the other');
    expect((await world.inFlightRecord(raw)).isCanonical).toBe(true);
    node.off = false;
    watcher.watch.readAgainMs = 0;
    await until(async () => !(await world.inFlightRecord(raw)).isCanonical, 'its challenge');
    await until(() => !eventsOf(watcher).includes('unreadable_exit'), 'quiet');
  });
});

describe('signed transactions of the first version', () => {
  it('[X16] have four inputs and outputs at most', () => {
    const five = Array.from({ length: 5 }, () => [BOB, 1n] as const);
    const signed = world.pay([1_000_000_000n], [ALICE], five);
    expect(isRefusal(decodeSigned(v1, signed))).toBe(true);
  });
});
