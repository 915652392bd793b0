/** A watcher on a real root chain: thieves exit, nobody touches anything, and the watcher stops them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { toHex } from '@palisade/core';
import { bindings } from '@palisade/rootchain';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ALICE, BOB, CAROL, type Person, person } from '../../payments/test/wallets.ts';
import { type RunningWatcher, startWatcher, type WatcherOptions } from '../src/watcher.ts';
import { type RootWorld, startRootWorld, until } from './root-world.ts';

const ETH = 10n ** 18n;
const CHALLENGER = person('challenger');

let world: RootWorld;
let dir: string;
const watchers: RunningWatcher[] = [];

beforeAll(async () => {
  world = await startRootWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'palisade-watcher-'));
});
afterEach(async () => {
  for (const watcher of watchers.splice(0)) await watcher.stop();
  await rm(dir, { recursive: true, force: true });
});

async function watch(
  more: Partial<WatcherOptions['settings']> = {},
  challenger: Person = CHALLENGER,
): Promise<RunningWatcher> {
  await world.fund(challenger);
  const { contracts, anvil, server } = world;
  const watcher = await startWatcher({
    settings: {
      ...{ framework: contracts.framework, deployedAt: Number(contracts.deployedAt) },
      ...{ rootChain: [anvil.url], childChain: server.url, finalityMargin: 2 },
      ...{ blockTimeMs: 1000, pollMs: 100, ...more },
    },
    challengerSecret: challenger.secret,
    dataDir: join(dir, toHex(challenger.address)),
  });
  watchers.push(watcher);
  return watcher;
}

const synced = ({ watch: { findings } }: RunningWatcher) => findings.synced;
const eventsOf = ({ watch: { findings } }: RunningWatcher) =>
  findings.events.map(({ event }) => event);

async function isExitable(exitId: bigint): Promise<boolean> {
  const { exitGame } = bindings(world.contracts);
  const [record] = await world.client.readContract({
    ...exitGame,
    ...{ functionName: 'standardExits', args: [[exitId]] },
  });
  return record!.exitable;
}

async function exitIdOf(position: bigint): Promise<bigint> {
  const { exitGame } = bindings(world.contracts);
  const { rlpOutputTx } = await world.exitArgs(position);
  const isDeposit = (position / 10n ** 9n) % 1000n !== 0n;
  return world.client.readContract({
    ...exitGame,
    ...{ functionName: 'getStandardExitId', args: [isDeposit, rlpOutputTx, position] },
  });
}

describe('a watcher on a real root chain', () => {
  it('[X2][X8][X13] a thief in a process of its own exits with spent money; the watcher challenges by itself and books the bond', async () => {
    const coin = await world.deposit(ALICE, ETH);
    await world.block([world.pay([coin], [ALICE], [[BOB, ETH]])]);
    const watcher = await watch();
    await until(() => synced(watcher), 'the watcher to sync');
    const thief = fileURLToPath(new URL('./thief.mjs', import.meta.url));
    const booty = {
      ...{ url: world.anvil.url, exitGame: world.contracts.exitGame, secret: toHex(ALICE.secret) },
      ...(await world.exitArgs(coin)),
      utxoPos: `${coin}`,
    };
    await promisify(execFile)(process.execPath, [thief, JSON.stringify(booty)]);
    const exitId = await exitIdOf(coin);
    expect(await isExitable(exitId)).toBe(true);
    await until(() => eventsOf(watcher).includes('invalid_exit'), 'the event');
    await until(async () => !(await isExitable(exitId)), 'the challenge');
    const totals = await until(
      () => watcher.watch.entries.totals.won > 0 && watcher.watch.entries.totals,
      'the account',
    );
    expect(totals).toMatchObject({ won: 1, lost: 0, reimbursed: 23_300_000_000_000_000n });
    expect(totals.net).toBeGreaterThan(0n);
    await until(() => watcher.watch.findings.danger.level === 'OK', 'all to be well');
    expect(CAROL).toBeDefined();
  });
});
