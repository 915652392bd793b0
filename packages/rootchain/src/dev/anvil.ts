/** A root chain for development networks and tests: anvil, from its npm package, on a free port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PalisadeError } from '@palisade/core';
import * as z from 'zod';
import { httpRpc } from '../rpc/rpc.ts';
import { chainIdQuestion } from '../rpc/shapes.ts';

export type AnvilOptions = {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly chainId?: number;
  /** Seconds between blocks; absent: a block per transaction. */
  readonly blockTimeS?: number;
  /** Accounts of the development mnemonic with 10,000 ether each. */
  readonly accounts?: number;
  /** States of so many blocks are kept, in memory alone; without a number all, on the disk from 500 on. */
  readonly keptStates?: number;
};

export type Anvil = {
  readonly url: string;
  readonly port: number;
  /** Calls a method of the node by name: `anvil_mine`, `evm_snapshot`, `anvil_reorg` ... */
  control(method: string, ...params: readonly unknown[]): Promise<unknown>;
  stop(): Promise<void>;
};

/** The chain id of anvil, unless told otherwise. */
export const ANVIL_CHAIN_ID = 31_337;
/** It answers 0.15 s after its start; a machine with nothing left to give may need long. */
const START_MS = 30_000;
/** After this, ms, a process that was asked to end is ended. */
const STOP_MS = 5_000;
/**
 * What it is told to do takes longer than questions do, and what it saves is larger: ms, and bytes. A
 * state of 100 MB takes 10 s, and with 256 MiB a text still fits into a string.
 */
const CONTROL_MS = 120_000;
const CONTROL_BYTES = 256 * 2 ** 20;
const LISTENING = /Listening on [\d.]+:(\d+)/;

/** Ends the node as soon as the pipe to its stdin is closed, by whoever held it, or by his death. */
const GUARD = 'exec 3<&0; "$@" 3<&- & n=$!; (read _ <&3; kill -9 $n 2>/dev/null) & wait $n';

/** Starts a node and answers when it serves. It ends with this process, however that ends. */
export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const child = begin(binary(), argumentsOf(options));
  try {
    const port = await listening(child);
    const url = `http://127.0.0.1:${port}`;
    const rpc = httpRpc({ urls: [url], timeoutMs: CONTROL_MS, maxBytes: CONTROL_BYTES });
    await rpc.ask(chainIdQuestion);
    return {
      url,
      port,
      control: (method, ...params) => rpc.ask({ method, params, result: z.unknown() }),
      stop: () => stop(child),
    };
  } catch (error) {
    await stop(child);
    throw error;
  }
}

/** Whether the program is installed here: its package has none for some platforms. */
export function hasAnvil(): boolean {
  try {
    binary();
    return true;
  } catch {
    return false;
  }
}

function begin(program: string, args: readonly string[]): ChildProcess {
  if (process.platform !== 'win32')
    return spawn('/bin/sh', ['-c', GUARD, 'anvil', program, ...args], {
      stdio: 'pipe',
      // Ctrl-C reaches a whole process group: this one is ended last, by whoever started it.
      detached: true,
    });
  const child = spawn(program, args, { stdio: 'pipe' });
  const end = () => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}

function binary(): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const name = `@foundry-rs/anvil-${process.platform}-${arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil');
  } catch (cause) {
    throw new PalisadeError({
      code: 'rootchain/no-anvil',
      message: `A root chain on this machine needs the package ${name}, which is not installed.`,
      next: 'npm install in the repository; or name the RPC address of another root chain.',
      cause,
    });
  }
}

function argumentsOf(options: AnvilOptions): string[] {
  const { port = 0, chainId = ANVIL_CHAIN_ID, blockTimeS, accounts, keptStates } = options;
  return [
    ...['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId)],
    // A state that is given back comes in one request, and its bound of 2 MB is reached after some thousand blocks.
    '--no-request-size-limit',
    ...(blockTimeS === undefined ? [] : ['--block-time', String(blockTimeS)]),
    ...(accounts === undefined ? [] : ['--accounts', String(accounts)]),
    ...(keptStates === undefined ? [] : ['--prune-history', String(keptStates)]),
  ];
}

function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(
        new PalisadeError({
          code: 'rootchain/anvil-failed',
          message: `anvil ${why}: ${said.slice(-500)}`,
        }),
      );
    };
    const timer = setTimeout(() => fail(`did not start within ${START_MS} ms`), START_MS);
    child.once('error', (error) => fail(`could not be started (${error.message})`));
    child.once('exit', (code) => fail(`ended with ${code}`));
    const read = (chunk: Buffer) => {
      // Of its output only the beginning is of interest; it has to be read to the end, though.
      if (said.length < 20_000) said += chunk.toString();
      const port = LISTENING.exec(said)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    child.stdout!.on('data', read);
    child.stderr!.on('data', read);
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.stdin?.end();
  if (process.platform === 'win32') child.kill('SIGKILL');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}
