// A watcher that is killed again and again, really killed, and misses nothing all the same.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseExactJson, toHex } from '@palisade/core';
import { bindings } from '@palisade/rootchain';
import { build } from 'esbuild';
import type { Hex } from 'viem';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BOB, type Person, person } from '../../payments/test/wallets.ts';
import { startWatcher } from '../src/watcher.ts';
import { contents } from './child-chain.ts';
import { type RootWorld, startRootWorld, until } from './root-world.ts';

const ETH = 10n ** 18n;
const CHALLENGER = person('challenger');
const FUNDS = 100n * ETH;
/** Times that it is killed; a day's run takes more. */
const KILLS = Number(process.env.PALISADE_KILLS ?? 3);

/** Bundled into the repository's cache folder, where Node finds the native packages. */
const cache = fileURLToPath(new URL('../../../.cache/', import.meta.url));
let bundle = '';
let folder = '';
let world: RootWorld;
let child: ChildProcess | undefined;

beforeAll(async () => {
  mkdirSync(cache, { recursive: true });
  bundle = mkdtempSync(join(cache, 'watcher-'));
  await build({
    entryPoints: [fileURLToPath(new URL('killed-child.ts', import.meta.url))],
    outfile: join(bundle, 'child.mjs'),
    ...{ bundle: true, platform: 'node', format: 'esm', conditions: ['node'] },
    external: [
      'lmdb',
      'secp256k1',
      'hash-wasm',
      '@noble/*',
      '@chainsafe/*',
      'viem',
      'viem/*',
      'pino',
      'prom-client',
    ],
    logLevel: 'error',
  });
  folder = await mkdtemp(join(tmpdir(), 'palisade-killed-watcher-'));
  world = await startRootWorld({ mineMs: 40, minExitPeriodS: 3600n });
  await world.fund(CHALLENGER, FUNDS);
});
afterAll(async () => {
  if (child?.exitCode === null) child.kill('SIGKILL');
  await world.stop();
  rmSync(bundle, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
});

function options() {
  const { contracts, anvil, server } = world;
  return {
    settings: {
      ...{ framework: contracts.framework, deployedAt: Number(contracts.deployedAt) },
      ...{ rootChain: [anvil.url], childChain: server.url, finalityMargin: 2 },
      ...{ blockTimeMs: 250, pollMs: 50 },
    },
    dataDir: join(folder, 'data'),
  };
}

/** Starts it and kills it after a while. */
async function runAndKill(ms: number): Promise<void> {
  const argument = JSON.stringify({ ...options(), secret: toHex(CHALLENGER.secret) });
  const started = spawn(process.execPath, [join(bundle, 'child.mjs'), argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  const ended = new Promise((resolve) => started.once('close', (_, signal) => resolve(signal)));
  for await (const _ of createInterface({ input: started.stdout })) break;
  await new Promise((resolve) => setTimeout(resolve, ms));
  started.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
}

async function openOf(thieves: readonly bigint[]): Promise<number> {
  const { exitGame } = bindings(world.contracts);
  const records = await world.client.readContract({
    ...exitGame,
    ...{ functionName: 'standardExits', args: [thieves] },
  });
  return records.filter(({ exitable }) => exitable).length;
}

async function steal(thief: Person): Promise<bigint> {
  const coin = await world.deposit(thief, ETH);
  await world.block([world.pay([coin], [thief], [[BOB, ETH]])]);
  await world.startExit(thief, coin);
  const { exitGame } = bindings(world.contracts);
  const { rlpOutputTx } = await world.exitArgs(coin);
  return world.client.readContract({
    ...exitGame,
    ...{ functionName: 'getStandardExitId', args: [true, rlpOutputTx, coin] },
  });
}

it(`[X13][X15] killed ${KILLS} times at any moment, it has challenged and booked every theft in the end, and its ledger is the operator's`, async () => {
  const thefts: bigint[] = [];
  for (let i = 0; i < KILLS; i++) {
    thefts.push(await steal(person(`thief ${i}`)));
    // Some moments before it syncs, some while it challenges.
    await runAndKill(100 + ((i * 577) % 1500));
  }
  const watcher = await startWatcher({ ...options(), challengerSecret: CHALLENGER.secret });
  try {
    await until(async () => (await openOf(thefts)) === 0, 'all to be challenged');
    const { entries } = watcher.watch;
    await until(() => entries.totals.won === thefts.length, 'all to be booked');
    const balance = await world.client.getBalance({ address: toHex(CHALLENGER.address) as Hex });
    expect(entries.totals.net).toBe(balance - FUNDS);
    await until(() => watcher.watch.follower.waiting === 0, 'the ledger');
    expect(contents(watcher.watch.books.ledger)).toEqual(contents(world.operator.ledger));
    const response = await fetch(`${watcher.url}/account.get_balance`, {
      ...{ method: 'POST', body: JSON.stringify({ address: toHex(BOB.address) }) },
    });
    expect(parseExactJson(await response.text())).toMatchObject({
      data: [{ currency: `0x${'00'.repeat(20)}`, amount: BigInt(KILLS) * ETH }],
    });
  } finally {
    await watcher.stop();
  }
});
