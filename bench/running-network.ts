/** A development network as a process of its own, run from the bundle beside the benchmark. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PROGRAM = join(import.meta.dirname, 'palisade.js');
/** How often the network is asked for its height while it starts, ms. */
const LOOK_MS = 10;
/** A network that has no block by then will have none, ms. */
const PATIENCE_MS = 60_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export type RunningNetwork = {
  readonly folder: string;
  /** Base URL of its first validator. */
  readonly url: string;
  /** From the spawn to the first block that is final, seconds. */
  readonly firstBlock: number;
  /** Process ids: its own and those of its parts. */
  pids(): readonly number[];
  stop(): Promise<void>;
};

/** Starts a fresh network in a folder that does not exist yet, and waits until all of it is up. */
export async function startNetwork(
  folder: string,
  options: readonly string[] = [],
): Promise<RunningNetwork> {
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [
      PROGRAM,
      'devnet',
      '--no-root-chain',
      '--dir',
      folder,
      '--json',
      '--log-level',
      'warn',
      ...options,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  try {
    const { url, atMs } = await firstBlock(child, folder, began + PATIENCE_MS);
    // Written when all parts are up: partners follow the first block.
    while (!existsSync(join(folder, 'network.json'))) await pause(LOOK_MS);
    return {
      folder,
      url,
      firstBlock: (atMs - began) / 1000,
      pids: () => [child.pid!, ...childrenOf(child.pid!)],
      stop: () => end(child),
    };
  } catch (error) {
    await end(child);
    throw error;
  }
}

async function firstBlock(child: ChildProcess, folder: string, untilMs: number) {
  while (performance.now() < untilMs) {
    if (child.exitCode !== null) throw new Error(`the network ended with ${child.exitCode}`);
    const url = urlOf(folder);
    if (url && (await heightOf(url)) > 0) return { url, atMs: performance.now() };
    await pause(LOOK_MS);
  }
  throw new Error('the network has no block');
}

/** Its ports are written down before it listens at them. */
function urlOf(folder: string): string | undefined {
  try {
    const { validators } = JSON.parse(readFileSync(join(folder, 'ports.json'), 'utf8'));
    return `http://127.0.0.1:${validators[0]}`;
  } catch {
    return undefined;
  }
}

async function heightOf(url: string): Promise<number> {
  try {
    const { height } = (await (await fetch(`${url}/status`)).json()) as { height: string };
    return Number(height);
  } catch {
    return 0;
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === parent)
    .map(Number);
}

function parentOf(pid: string): number | undefined {
  try {
    const match = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match ? Number(match[1]) : undefined;
  } catch {
    return undefined; // it ended meanwhile
  }
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
