/** A watcher whose nodes of the root chain die, babble, lag and leave logs out: it challenges all the same, and tells nothing false. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bindings } from '@palisade/rootchain';
import { toEventSelector } from 'viem';
import { expect, it } from 'vitest';
import { Dice } from '../../payments/test/dice.ts';
import { ALICE, BOB, CAROL, person } from '../../payments/test/wallets.ts';
import { type Fault, type Lie, startProxy } from '../../rootchain/test/proxy.ts';
import { startWatcher } from '../src/watcher.ts';
import { startRootWorld, until } from './root-world.ts';

const ETH = 10n ** 18n;
/** Such that nothing is late while nodes fail: each block is a second. */
const EXIT_PERIOD_S = 6000n;
const FAULTS: readonly Fault[] = ['dies', 'html', 'half', 'other-id', 'status-429', 'status-503'];
/** Requests to a node of which one fails. */
const ONE_OF = 4;
/** Answers out of which the first node leaves the start of the exit. */
const HIDDEN = 3;

/** Tells an older head every other time, and `hides` logs of exits at first. */
function lagging(exitStarted: string, hides: number): { readonly lie: Lie; hidden: number } {
  let [older, looks]: [unknown, number] = [undefined, 0];
  const liar = {
    hidden: 0,
    lie: (method: string, params: readonly unknown[], result: unknown) => {
      if (method === 'eth_getBlockByNumber' && params[0] === 'latest') {
        if (++looks % 2 === 0) return older;
        older = result;
      }
      if (method !== 'eth_getLogs' || liar.hidden === hides) return result;
      const told = result as readonly { readonly topics: readonly string[] }[];
      const left = told.filter(({ topics }) => topics[0] !== exitStarted);
      if (left.length < told.length) liar.hidden++;
      return left;
    },
  };
  return liar;
}

it('[X1][X8] through nodes that die, babble, lag and leave out an exit the thief is challenged, and nobody else', async () => {
  const world = await startRootWorld({ minExitPeriodS: EXIT_PERIOD_S });
  const dir = await mkdtemp(join(tmpdir(), 'palisade-faulty-'));
  const proxies = await Promise.all([startProxy(world.anvil.url), startProxy(world.anvil.url)]);
  const challenger = person('challenger through faults');
  const [thief, honest] = [await world.deposit(ALICE, ETH), await world.deposit(CAROL, ETH)];
  await world.block([world.pay([thief], [ALICE], [[BOB, ETH]])]);
  await world.fund(challenger);
  const watcher = await startWatcher({
    settings: {
      framework: world.contracts.framework,
      ...{
        deployedAt: Number(world.contracts.deployedAt),
        rootChain: proxies.map(({ url }) => url),
      },
      ...{ childChain: world.server.url, finalityMargin: 2, blockTimeMs: 250, pollMs: 50 },
    },
    challengerSecret: challenger.secret,
    dataDir: dir,
  });
  const told = new Set<string>();
  const tell = watcher.watch.onFindings;
  watcher.watch.onFindings = (findings) => {
    for (const { event } of findings.events) told.add(event);
    tell(findings);
  };
  const dice = new Dice(3);
  const { exitGame } = bindings(world.contracts);
  const event = exitGame.abi.find((one) => one.type === 'event' && one.name === 'ExitStarted')!;
  const liars = [HIDDEN, 0].map((hides) => lagging(toEventSelector(event as never), hides));
  for (const [i, proxy] of proxies.entries()) proxy.lie(liars[i]!.lie);
  const due = proxies.map(() => 0);
  let failing: ReturnType<typeof setInterval> | undefined;
  try {
    await world.startExit(CAROL, honest);
    await world.startExit(ALICE, thief);
    // While one leaves them out the other must answer, or nobody could know.
    await until(() => liars[0]!.hidden === HIDDEN, 'the lies');
    failing = setInterval(() => {
      for (const [i, proxy] of proxies.entries()) {
        const asked = [...proxy.asked.values()].reduce((sum, times) => sum + times, 0);
        if (asked < due[i]!) continue;
        proxy.fail(dice.pick(FAULTS));
        due[i] = asked + ONE_OF;
      }
    }, 10);
    const statusOf = (position: bigint) => watcher.watch.table.standardAt(position)?.status;
    await until(() => statusOf(thief) === 'challenged', 'the challenge');
    expect(statusOf(honest)).toBe('open');
    expect([...told]).toEqual(['invalid_exit']);
    expect(watcher.watch.entries.totals.lost).toBe(0);
  } finally {
    clearInterval(failing);
    await watcher.stop();
    for (const proxy of proxies) await proxy.stop();
    await world.stop();
    await rm(dir, { recursive: true, force: true });
  }
});
