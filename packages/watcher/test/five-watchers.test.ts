/**
 * Five watchers on one root chain with a mempool, and many thefts at once: how many challenges burn gas for nothing.
 *
 *   PALISADE_EXITS=100 npx vitest run packages/watcher/test/five-watchers.test.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BOB, person } from '../../payments/test/wallets.ts';
import { type RunningWatcher, startWatcher } from '../src/watcher.ts';
import { startRootWorld, until } from './root-world.ts';

const ETH = 10n ** 18n;
/** Only when it is asked for: it takes half a minute, and says little on a machine that is busy. */
const EXITS = Number(process.env.PALISADE_EXITS ?? 0);
/** Root-chain blocks are a second apart: each RPC call then takes a far larger part of a block than on Ethereum. */
const BLOCK_MS = 1000;

it.runIf(EXITS > 0)(
  '[X9] five watchers challenge every exit, and less than one of twenty twice',
  async () => {
    const world = await startRootWorld({ mineMs: BLOCK_MS, minExitPeriodS: 1200n });
    const dir = await mkdtemp(join(tmpdir(), 'palisade-five-'));
    const thieves = Array.from({ length: EXITS }, (_, i) => person(`thief ${i}`));
    const coins: bigint[] = [];
    for (const thief of thieves) coins.push(await world.deposit(thief, ETH));
    await world.block(coins.map((coin, i) => world.pay([coin], [thieves[i]!], [[BOB, ETH]])));
    const { contracts, anvil, server } = world;
    const settings = {
      ...{ framework: contracts.framework, deployedAt: Number(contracts.deployedAt) },
      ...{ rootChain: [anvil.url], childChain: server.url, finalityMargin: 2 },
      ...{ blockTimeMs: BLOCK_MS, pollMs: 200 },
    };
    const watchers: RunningWatcher[] = [];
    for (const name of ['1', '2', '3', '4', '5']) {
      const { secret, address } = person(`challenger ${name}`);
      await world.fund({ address });
      watchers.push(
        await startWatcher({ settings, challengerSecret: secret, dataDir: join(dir, name) }),
      );
    }
    await until(() => watchers.every(({ watch }) => watch.findings.synced), 'all to sync');
    await Promise.all(thieves.map((thief, i) => world.startExit(thief, coins[i]!)));
    // From now on transactions wait in the mempool for their block, as they do on Ethereum.
    await anvil.control('evm_setAutomine', false);
    const sum = (outcome: 'won' | 'lost') =>
      watchers.reduce((total, { watch }) => total + watch.entries.totals[outcome], 0);
    await until(() => sum('won') === EXITS, 'all to be challenged', 120_000);
    await new Promise((resolve) => setTimeout(resolve, 5 * BLOCK_MS));
    console.log(`${EXITS} exits, five watchers: ${sum('lost')} challenges lost`);
    for (const watcher of watchers) await watcher.stop();
    await world.stop();
    await rm(dir, { recursive: true, force: true });
    expect(sum('lost')).toBeLessThan(EXITS / 20);
  },
  300_000,
);
