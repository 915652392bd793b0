/**
 * Runs the tests of a mutation run, all in one process. First each as it is, noting where a check said
 * something that it would not say when it is off: only there can its absence be missed. Then each
 * once more for every check that it was chosen for and that nothing has missed yet, with that one off.
 * A test must make what it needs: hooks are not run again.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { TestRunner } from 'vitest';

const { PALISADE_PLAN, PALISADE_SAID } = process.env;
/** Checks to try and the time it takes, ms of processor time, by test; none in the first run. */
const plan = JSON.parse(readFileSync(PALISADE_PLAN, 'utf8'));
/** A test without end takes as many times what it took with every check on, and this more, ms. */
const [SLOWER, GRACE_MS] = [10, 20_000];
const isFirst = Object.keys(plan).length === 0;
const missed = new Set();
let off = 0;
let spoke = new Set();
/** The check that is tried, 0 for none, and the processor time at which it has taken too long, us. */
const tried = new Float64Array(new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT));
new Worker(new URL('./watch.mjs', import.meta.url), { workerData: { tried } }).unref();

globalThis.isSwitchedOff = (number) => number === off;

globalThis.noted = (number, value, gone) => {
  if (Boolean(value) !== Boolean(gone)) spoke.add(number);
  return value;
};

function say(line) {
  appendFileSync(PALISADE_SAID, `${JSON.stringify(line)}\n`);
}

// biome-ignore lint/style/noDefaultExport: the test runner takes it by that name
export default class MutationRunner extends TestRunner {
  async runTask(test) {
    const run = TestRunner.getTestFn(test);
    const { fullName } = test;
    if (isFirst) await note(run, test);
    else if (plan[fullName]) await tryChecks(plan[fullName], run, fullName);
  }
}

async function note(run, { fullName, file }) {
  spoke = new Set();
  const start = process.cpuUsage();
  await run();
  const { user } = process.cpuUsage(start);
  say({ test: fullName, file: file.name, ms: user / 1000, checks: [...spoke] });
}

async function tryChecks({ checks, ms }, run, test) {
  const left = checks.filter((number) => !missed.has(number));
  for (const number of left) {
    off = number;
    tried[1] = process.cpuUsage().user + 1000 * (GRACE_MS + SLOWER * ms);
    tried[0] = number;
    try {
      await run();
    } catch (error) {
      // Nothing is known of a check for which the machine had no time.
      if (/timed out in \d+ms/.test(error?.message)) throw error;
      missed.add(number);
      say({ missed: number, test });
    } finally {
      tried[0] = 0;
      off = 0;
    }
  }
  // What a check that was off has left behind would fail here, and not in the test after.
  if (left.length > 0) await run();
  say({ tried: test });
}
