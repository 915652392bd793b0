/**
 * `npm run bench -- market`: what the chain does in a second.
 *
 * `verified` drives blocks of 1 000 market transactions (the mix is in market-load.ts) through the
 * application on disk, signatures checked by its threads while the main thread executes the blocks
 * before, and compares with the bare signature recoveries that one core does in a second.
 * `growth` compares the time per command on a chain of a million accounts with one of a thousand.
 * `lifecycle` (market-lifecycle.ts) has jobs from request to payout, `notify` (market-notify.ts) tells
 * 10 000 partners of jobs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { domainOf } from '@palisade/node';
import { makeNetwork } from '../packages/devnet/src/network.ts';
import { bareRecoveries } from './bare-signatures.ts';
import { type DrivenChain, drive, openChain } from './driven-chain.ts';
import { type Round, report, rowOf, type Taken, timed } from './kit.ts';
import { lifecycleRows } from './market-lifecycle.ts';
import { type MarketLoad, MIX, marketLoad } from './market-load.ts';
import { notifyRows } from './market-notify.ts';

/** Accounts of the two chains that are compared. */
const SMALL = 1_000;
const LARGE = 1_000_000;
/** Turns of measuring; an odd number has a middle. */
const ROUNDS = 7;
/** Blocks of one turn: the signatures of the first are waited for, which should not show. */
const BLOCKS = 16;
/** Blocks before the first turn: the third is the first with the whole mix; the rest warms up. */
const WARM_UP = 8;
/** Recoveries of one turn of the anchor. */
const RECOVERIES = 4_000;
/** Four hours: no session ends while we measure. */
const TIMING = { blockTimeMs: 1000, sessionMs: 14_400_000, guardMs: 150 } as const;

const COMMANDS = MIX.transfers + MIX.requests + MIX.starts + MIX.answers;

type Subject = { readonly chain: DrivenChain; readonly load: MarketLoad };

const network = makeNetwork('bench', 1_700_000_000_000, TIMING);

async function prepare(folder: string, accounts: number): Promise<Subject> {
  const load = marketLoad(accounts, domainOf(network.genesis));
  const chain = await openChain(join(folder, `state-${accounts}`), network, load.accounts);
  await load.prepare(chain);
  await drive(
    chain,
    Array.from({ length: WARM_UP }, () => load.next()),
  );
  return { chain, load };
}

async function turn({ chain, load }: Subject): Promise<Taken> {
  const blocks = Array.from({ length: BLOCKS }, () => load.next());
  return timed(() => drive(chain, blocks));
}

const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-'));
try {
  const lives = await lifecycleRows(folder, network, TIMING.sessionMs);
  const notices = await notifyRows(folder, network);
  console.error(`Writing ${SMALL} and ${LARGE} accounts …`);
  const small = await prepare(folder, SMALL);
  const large = await prepare(folder, LARGE);
  const recover = bareRecoveries();
  const anchor = () => timed(() => recover(RECOVERIES));
  await anchor();
  const wall: Round[] = [];
  const cpu: Round[] = [];
  const growth: Round[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const before = await anchor();
    const few = await turn(small);
    const after = await anchor();
    const many = await turn(large);
    const commands = BLOCKS * COMMANDS;
    const mean = (a: number, b: number) => (2 * RECOVERIES) / (a + b);
    wall.push({ ours: commands / few.wall, anchor: mean(before.wall, after.wall) });
    cpu.push({ ours: commands / few.cpu, anchor: mean(before.cpu, after.cpu) });
    growth.push({ ours: (many.wall / commands) * 1e6, anchor: (few.wall / commands) * 1e6 });
    console.error(
      `round ${round} of ${ROUNDS}: ${Math.round(commands / few.wall)} commands/s, ${Math.round(mean(before.wall, after.wall))} recoveries/s, ${Math.round(commands / many.wall)} commands/s at ${LARGE} accounts`,
    );
  }
  await small.chain.stop();
  await large.chain.stop();
  report('market', [
    rowOf(
      {
        case: 'verified',
        unit: 'commands/s',
        note: `blocks of ${COMMANDS}: ${Object.entries(MIX)
          .map(([kind, count]) => `${count} ${kind}`)
          .join(', ')}; anchor: bare recoveries per second of one core. At least 0.5 is the goal.`,
      },
      wall,
    ),
    rowOf(
      {
        case: 'verified-cpu',
        unit: 'commands per processor second',
        note: 'the same, by processor time of all threads.',
      },
      cpu,
    ),
    rowOf(
      {
        case: 'growth',
        unit: 'us/command',
        note: `ours: ${LARGE} accounts; anchor: ${SMALL}. At most 2 is the goal.`,
      },
      growth,
    ),
    ...lives,
    ...notices,
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
