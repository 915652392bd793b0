/** What examples share: a network of their own, in a folder that is gone at the end, and `palisade`. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundle, install, PROGRAM } from './setup.mjs';

/** Sessions of eight seconds: a whole one with its payout is over before a reader is bored. */
const NETWORK = ['devnet', '--block-time', '1s', '--session', '8s', '--json'];

/** Says what has happened. */
export function tell(step, text) {
  console.log(`${step}. ${text}`);
}

/** Runs `palisade` with --json in an environment, and returns what it says. */
async function palisade(args, env) {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args, '--json'], {
    env,
  });
  return JSON.parse(stdout);
}

/** Starts a network and resolves when it serves. */
async function startNetwork(env) {
  const child = spawn(process.execPath, [PROGRAM, ...NETWORK], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const part of child.stdout.iterator({ destroyOnReturn: false })) {
    text += part;
    if (text.endsWith('}\n')) break;
  }
  return { child, ...JSON.parse(text) };
}

/** Runs an example: `tour` gets the network, a folder, and `palisade(args, environment)`. */
export async function runExample(tour) {
  install();
  await bundle();
  const home = await mkdtemp(join(tmpdir(), 'palisade-example-'));
  const env = { ...process.env, PALISADE_HOME: home };
  const network = await startNetwork(env);
  tell(
    1,
    `a network runs: ${network.validators.length} validators, ${network.partners.length} partners`,
  );
  try {
    await tour({ network, home, palisade: (args, own = env) => palisade(args, own) });
  } finally {
    const { child } = network;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    await rm(home, { recursive: true, force: true });
  }
  console.log('done: everything was as it must be');
}
