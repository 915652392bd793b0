/** What examples share: a network of their own, in a folder that is gone at the end, and `palisade`. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { bundle, install, PROGRAM } from './setup.mjs';

/** Sessions of eight seconds: a whole one with its payout is over before a reader is bored; few care for seats. */
const NETWORK = ['devnet', '--block-time', '1s', '--session', '8s', '--sectors', '0'];
/** Time that a whole session with its payout may take on a busy machine, ms. */
const PATIENCE_MS = 120_000;

/** Says what has happened. */
export function tell(step, text) {
  console.log(`${step}. ${text}`);
}

/** Asks until the answer is as wished, and gives that answer. */
export async function until(ask, isReached) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(500)) {
    const answer = await ask();
    if (isReached(answer)) return answer;
  }
  throw new Error(`It did not come to this within ${PATIENCE_MS} ms: ${isReached}`);
}

/** Runs `palisade` with --json in an environment, and returns what it says. */
async function palisade(args, env) {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args, '--json'], {
    env,
  });
  return JSON.parse(stdout);
}

/** Starts a `palisade` that stays: `next()` is its next JSON answer, `stop(signal)` its exit status. */
function start(args, env) {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const said = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async next() {
      const lines = [];
      while (lines.at(-1) !== '}') {
        const { value, done } = await said.next();
        if (done) throw new Error(`palisade ${args[0]} ended early: ${lines.join('\n')}`);
        lines.push(value);
      }
      return JSON.parse(lines.join('\n'));
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const [code] = await ended;
      return code;
    },
  };
}

/**
 * Runs an example on a network with more options, and with a root chain when it wants one: `tour` gets the network, a folder,
 * `palisade(args, environment)` and `start(args, environment)`. Whatever it started ends with it.
 */
export async function runExample(tour, options = [], { rootChain = false } = {}) {
  install();
  await bundle();
  const home = await mkdtemp(join(tmpdir(), 'palisade-example-'));
  const env = { ...process.env, PALISADE_HOME: home };
  const running = [];
  const run = (args, own = env) => {
    const one = start(args, own);
    running.unshift(one);
    return one;
  };
  try {
    const all = [...NETWORK, ...(rootChain ? [] : ['--no-root-chain']), ...options];
    const network = await run([...all, '--json']).next();
    const { validators, partners } = network;
    tell(1, `a network runs: ${validators.length} validators, ${partners.length} partners`);
    await tour({ network, home, palisade: (args, own = env) => palisade(args, own), start: run });
  } finally {
    for (const one of running) await one.stop();
    await rm(home, { recursive: true, force: true });
  }
  console.log('done: everything was as it must be');
}
