/**
 * Two, three and five watchers at once on one root chain with a mempool, and many thefts: how many challenges burn gas
 * for nothing, and whether any theft is missed.
 *
 *   npm run test:watchers
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bindings } from '@palisade/rootchain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOB, person } from '../../payments/test/wallets.ts';
import { type RunningWatcher, startWatcher } from '../src/watcher.ts';
import { depositMany, startManyExits } from './many.ts';
import { type RootWorld, startRootWorld, until } from './root-world.ts';

const ETH = 10n ** 18n;
/** Thefts of each run. Only when it is asked for: it takes six minutes, and says little on a machine that is busy. */
const EXITS = Number(process.env.PALISADE_EXITS ?? 0);
/** A third of what Ethereum takes: what others have sent shows after a part of a block that is not far from there. */
const BLOCK_MS = 4000;
/** Duplicates that are tolerated, of all exits. */
const MOST = 0.05;

let world: RootWorld;
let dir: string;

describe.runIf(EXITS > 0)('several watchers at once', () => {
  beforeAll(async () => {
    world = await startRootWorld({ mineMs: BLOCK_MS, minExitPeriodS: 1200n });
    dir = await mkdtemp(join(tmpdir(), 'palisade-several-'));
  });
  afterAll(async () => {
    await world.stop();
    await rm(dir, { recursive: true, force: true });
  });

  it.each([2, 3, 5])(
    '[X9] %i watchers challenge every exit, and less than one of twenty twice',
    async (count) => {
      const thieves = Array.from({ length: EXITS }, (_, i) => person(`thief ${i} of ${count}`));
      const coins = await depositMany(world, thieves, ETH);
      await world.block(coins.map((coin, i) => world.pay([coin], [thieves[i]!], [[BOB, ETH]])));
      const watchers = await Promise.all(
        Array.from({ length: count }, (_, i) => watch(`challenger ${i} of ${count}`)),
      );
      await until(
        () => watchers.every(({ watch: one }) => one.findings.synced && isUpToDate(one)),
        'all to sync',
      );
      await startManyExits(
        world,
        thieves.map((who, i) => ({ who, position: coins[i]! })),
      );
      // From now on transactions wait in the mempool for their block, as they do on Ethereum.
      await world.anvil.control('evm_setAutomine', false);
      const totals = () => watchers.map(({ watch: { entries } }) => entries.totals);
      const sum = (of: 'won' | 'lost') => totals().reduce((total, one) => total + one[of], 0);
      await until(() => sum('won') + sum('lost') >= EXITS, 'all to be challenged', 240_000);
      await until(async () => (await challengedOf(coins)) === EXITS, 'none to be left', 60_000);
      // Who lost learns of it some blocks later.
      await new Promise((resolve) => setTimeout(resolve, 5 * BLOCK_MS));
      const lost = sum('lost');
      const net = totals().reduce((total, one) => total + one.net, 0n);
      for (const watcher of watchers) await watcher.stop();
      await world.anvil.control('evm_setAutomine', true);
      console.log(
        `${count} watchers, ${EXITS} exits: ${sum('won')} challenged, 0 missed, ${lost} duplicates burned (${((100 * lost) / EXITS).toFixed(1)} %); all together are ${Number(net / 10n ** 12n) / 1e6} ether ahead`,
      );
      expect(sum('won')).toBe(EXITS);
      expect(lost / EXITS).toBeLessThan(MOST);
    },
    400_000,
  );
});

async function watch(name: string): Promise<RunningWatcher> {
  const { contracts, anvil, server } = world;
  const { secret, address } = person(name);
  await world.fund({ address });
  return startWatcher({
    settings: {
      ...{ framework: contracts.framework, deployedAt: Number(contracts.deployedAt) },
      ...{ rootChain: [anvil.url], childChain: server.url, finalityMargin: 2 },
      ...{ blockTimeMs: BLOCK_MS, pollMs: 400 },
    },
    challengerSecret: secret,
    dataDir: join(dir, name),
  });
}

function isUpToDate({ books }: RunningWatcher['watch']): boolean {
  return books.blknum === world.operator.next - 1000;
}

async function challengedOf(coins: readonly bigint[]): Promise<number> {
  const { exitGame } = bindings(world.contracts);
  const logs = await world.client.getContractEvents({
    ...{ ...exitGame, eventName: 'ExitChallenged', fromBlock: 0n },
  });
  return logs.filter(({ args }) => coins.includes(args.utxoPos!)).length;
}
