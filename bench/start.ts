/**
 * `npm run bench -- start`: what it takes to have a whole network.
 *
 * `first-block` is the time from starting the bundled program, in a fresh folder, to the first block
 * that is final, in turns with a Node that starts and does nothing. `memory` is what an idle network
 * of six validators and five partners occupies, in one process and in seven: proportional set sizes,
 * so that pages which processes share are counted once (Linux only).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Round, report, rowOf } from './kit.ts';
import { startNetwork } from './running-network.ts';

/** Turns of starting; an odd number has a middle. */
const ROUNDS = 5;
/** Idle time before memory is measured, ms: long enough for caches to fill and garbage to go. */
const IDLE_MS = 20_000;
/** The goal for an idle network, MB. */
const MEMORY_GOAL = 500;

function bareNode(): number {
  const began = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return (performance.now() - began) / 1000;
}

/** Proportional set size of some processes, MB. */
function proportionalSize(pids: readonly number[]): number {
  const kib = pids.map((pid) => {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB$/m.exec(text)![1]);
  });
  return (kib.reduce((sum, one) => sum + one, 0) * 1024) / 1e6;
}

async function idleMemory(folder: string, options: readonly string[]): Promise<Round> {
  const network = await startNetwork(folder, options);
  try {
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    return { ours: proportionalSize(network.pids()), anchor: MEMORY_GOAL };
  } finally {
    await network.stop();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-'));
try {
  const starts: Round[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const anchor = bareNode();
    const network = await startNetwork(join(folder, `start-${round}`));
    await network.stop();
    starts.push({ ours: network.firstBlock, anchor });
    console.error(
      `round ${round} of ${ROUNDS}: first block after ${network.firstBlock.toFixed(2)} s`,
    );
  }
  const together = await idleMemory(join(folder, 'together'), []);
  const apart = await idleMemory(join(folder, 'apart'), ['--processes']);
  const memory = `idle for ${IDLE_MS / 1000} s, sum of proportional set sizes; anchor: the goal, at most ${MEMORY_GOAL} MB.`;
  report('start', [
    rowOf(
      {
        case: 'first-block',
        unit: 's',
        note: 'from the spawn to a final block, blocks of 1 s; anchor: `node -e 0`. At most 3 s is the goal.',
      },
      starts,
    ),
    rowOf({ case: 'memory', unit: 'MB', note: `one process, ${memory}` }, [together]),
    rowOf(
      { case: 'memory-processes', unit: 'MB', note: `parts in processes of their own, ${memory}` },
      [apart],
    ),
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
