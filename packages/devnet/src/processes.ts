/**
 * One process for the validators and one for each partner. A part that dies is started again after
 * a pause, as a service manager would; the parts end when this process does, because they watch the
 * channel to it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { PalisadeError } from '@palisade/core';
import type { DaemonContext } from '@palisade/daemon';
import { give, type Order } from './control/orders.ts';
import type { RunningParts } from './control/parts-keeper.ts';
import type { DevnetOptions } from './devnet.ts';
import { POPULATION } from './network.ts';
import { HOST, type Part, partnersOf } from './parts.ts';

/** Pause before a part that died is started again, ms: a part that dies at once must not spin. */
const RESTART_MS = 5000;
/** A part must say that it is ready within this time, ms: replaying a long chain takes a while. */
const READY_MS = 120_000;
/** A part may drain for this long, ms. */
const DRAIN_MS = 15_000;

/**
 * Each half of a part's space for young objects, MiB: left to itself it grows to 16 (32 in Node 24), and
 * both halves to a fifth of what a partner takes; and many parts share one machine.
 */
const YOUNG_MIB = 4;

/** What a part tells its supervisor once. */
export type ReadyMessage = { readonly ready: true };

type Child = { readonly name: string; process: ChildProcess };

/**
 * Partners that keep files have a process each, so that one can be killed alone; those that compute
 * or carry share one, so that an idle network stays small.
 */
function processesOf(part: Part): { readonly name: string; readonly numbers: readonly number[] }[] {
  const all = partnersOf(part).map(({ name }, i) => ({ name, numbers: [i + 1] }));
  const keepers = all.slice(0, POPULATION.partners);
  const others = all.slice(POPULATION.partners);
  if (others.length === 0) return keepers;
  const name = others.map((one) => one.name).join(', ');
  return [...keepers, { name, numbers: others.flatMap(({ numbers }) => numbers) }];
}

export async function superviseProcesses(
  context: DaemonContext,
  part: Part,
  { root, logLevel, onNews = () => {} }: DevnetOptions,
): Promise<RunningParts> {
  const children = new Map<string, Child>();
  let stopping = false;

  const begin = async (name: string, args: readonly string[]): Promise<void> => {
    const process_ = fork(
      process.argv[1]!,
      ['devnet-part', ...args, '--dir', root, '--log-level', logLevel],
      {
        execArgv: [...process.execArgv, `--max-semi-space-size=${YOUNG_MIB}`],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      },
    );
    children.set(name, { name, process: process_ });
    await readyOf(name, process_);
    process_.once('exit', (code, signal) => {
      if (stopping) return;
      onNews(
        `${name} died (${signal ?? `exit code ${code}`}); it is started again in ${RESTART_MS / 1000} s`,
      );
      setTimeout(() => {
        if (!stopping)
          begin(name, args).then(
            () => onNews(`${name} is back`),
            (error: unknown) => context.fail(error),
          );
      }, RESTART_MS);
    });
  };

  context.onStop('parts of the network', async () => {
    stopping = true;
    await Promise.all([...children.values()].map(({ process: child }) => end(child)));
  });
  await begin('validators', ['validators', ...(part.rootChain ? ['--with-root-chain'] : [])]);
  const rules = part.allow.flatMap((rule) => ['--allow', rule]);
  rules.push('--sectors', `${part.sectors}`);
  await Promise.all(
    processesOf(part).map(({ name, numbers }) =>
      begin(name, ['partner', ...numbers.map(String), ...rules]),
    ),
  );
  const urlOf = (port: number) => `http://${HOST}:${port}`;
  /** A part that is dead just now reads the clock when it is back. */
  const tell = async ({ process: child }: Child, order: Order) => {
    if (child.connected) await give(child, order);
  };
  return {
    async setClock(aheadMs) {
      const order = { order: 'clock', aheadMs } as const;
      await Promise.all([...children.values()].map((child) => tell(child, order)));
    },
    produce: () => tell(children.get('validators')!, { order: 'produce' }),
    urls: part.ports.validators.map(urlOf),
    partnerUrls: part.ports.partners.slice(0, partnersOf(part).length).map(urlOf),
    get pids() {
      return Object.fromEntries(
        [...children].map(([name, child]) => [name, child.process.pid ?? 0]),
      );
    },
  };
}

function readyOf(name: string, child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(
        new PalisadeError({
          code: 'devnet/part-failed',
          message: `${name} did not start: ${why}.`,
          next: 'Its log file in the folder of the network says more.',
        }),
      );
    const timer = setTimeout(() => fail(`it was not ready within ${READY_MS / 1000} s`), READY_MS);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      fail(`it ended with ${signal ?? `exit code ${code}`}`);
    });
    child.once('message', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
