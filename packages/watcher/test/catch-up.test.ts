/**
 * A watcher that was off for most of the exit period comes back to many exits, a quarter of them invalid.
 *
 *   npm run test:catch-up     two hundred of them, with figures
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bindings } from '@palisade/rootchain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BOB, person } from '../../payments/test/wallets.ts';
import { type RunningWatcher, startWatcher } from '../src/watcher.ts';
import { depositMany, startManyExits } from './many.ts';
import { type RootWorld, startRootWorld, until } from './root-world.ts';

const ETH = 10n ** 18n;
const EXITS = Number(process.env.PALISADE_CATCH_UP ?? 20);
const INVALID = EXITS / 4;
const EXIT_PERIOD_S = 12_000;
/** Exits start in so many bunches, this far apart: more than a window of slots, so that the order counts. */
const BUNCHES = 5;
const APART_S = 600;
const BLOCK_MS = 250;
/** Of pairs that end far apart, this part may be sent in the other order: blocks are quick here, and machines busy. */
const MOST_SWAPPED = 0.1;
/** What is left to the first of them when the watcher comes back: a tenth. */
const LEFT_S = EXIT_PERIOD_S / 10;

let world: RootWorld;
let dir: string;
beforeAll(async () => {
  world = await startRootWorld({ minExitPeriodS: BigInt(EXIT_PERIOD_S), mineMs: BLOCK_MS });
  dir = await mkdtemp(join(tmpdir(), 'palisade-catch-up-'));
});
afterAll(async () => {
  await world.stop();
  await rm(dir, { recursive: true, force: true });
});

async function watch(): Promise<RunningWatcher> {
  const { contracts, anvil, server } = world;
  const challenger = person('challenger');
  await world.fund(challenger);
  return startWatcher({
    settings: {
      ...{ framework: contracts.framework, deployedAt: Number(contracts.deployedAt) },
      ...{ rootChain: [anvil.url], childChain: server.url, finalityMargin: 2 },
      ...{ blockTimeMs: BLOCK_MS, pollMs: 50 },
    },
    challengerSecret: challenger.secret,
    dataDir: join(dir, 'data'),
  });
}

/** Every challenge: of which output, in which root-chain block, and at what time. */
async function challenges() {
  const { exitGame } = bindings(world.contracts);
  const logs = await world.client.getContractEvents({
    ...{ ...exitGame, eventName: 'ExitChallenged', fromBlock: 0n },
  });
  return Promise.all(
    logs.map(async ({ args, blockNumber }) => {
      const { timestamp } = await world.client.getBlock({ blockNumber });
      return { position: args.utxoPos!, block: Number(blockNumber), seconds: Number(timestamp) };
    }),
  );
}

it(`[X15] one that was off for most of the exit period challenges all ${INVALID} invalid ones of ${EXITS} exits before their time, what ends first in front`, async () => {
  const people = Array.from({ length: EXITS }, (_, i) => person(`owner ${i}`));
  const coins = await depositMany(world, people, ETH);
  const spent = coins.filter((_, i) => i % 4 === 0);
  const payments = spent.map((coin, i) => world.pay([coin], [people[4 * i]!], [[BOB, ETH]]));
  await world.block(payments);
  const before = await watch();
  await until(() => before.watch.books.blknum === 1000, 'the watcher to sync');
  await before.stop();

  for (let bunch = 0; bunch < BUNCHES; bunch++) {
    const members = people.flatMap((who, i) =>
      i % BUNCHES === bunch ? [{ who, position: coins[i]! }] : [],
    );
    await startManyExits(world, members);
    await world.warp(APART_S);
  }
  await world.warp(EXIT_PERIOD_S - BUNCHES * APART_S - LEFT_S);
  // Transactions wait in the mempool for their block, as they do on Ethereum.
  await world.anvil.control('evm_setAutomine', false);
  const started = performance.now();
  const after = await watch();
  const { watch: it } = after;
  await until(() => it.entries.totals.won === INVALID, 'all to be challenged', 120_000);
  const seconds = (performance.now() - started) / 1000;

  const deadlineOf = (position: bigint) => it.table.standardAt(position)!.finalizesAt!;
  const done = (await challenges()).map((one) => ({ ...one, ends: deadlineOf(one.position) }));
  expect(done.map(({ position }) => position).sort()).toEqual([...spent].sort());
  for (const { seconds: at, ends } of done) expect(at).toBeLessThan(ends);
  const pairs = done.flatMap((one) =>
    done
      .filter((other) => other.ends - one.ends > APART_S / 2)
      .map((other) => [one, other] as const),
  );
  const swapped = pairs.filter(([one, other]) => one.block > other.block);
  expect(swapped.length / pairs.length).toBeLessThanOrEqual(MOST_SWAPPED);
  expect(it.entries.totals.lost).toBe(0);
  const margin = Math.min(...done.map(({ ends, seconds: at }) => ends - at));
  const blocks = done.map(({ block }) => block);
  if (process.env.PALISADE_CATCH_UP)
    console.log(
      `${EXITS} exits, ${INVALID} invalid: ${done.length} challenged within ${seconds.toFixed(1)} s of the start, in ${Math.max(...blocks) - Math.min(...blocks) + 1} root-chain blocks; ${margin} s of ${EXIT_PERIOD_S} s left at the least; ${it.entries.totals.lost} lost; ${swapped.length} of ${pairs.length} pairs in the other order`,
    );
  await after.stop();
}, 300_000);
