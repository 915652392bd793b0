/** `palisade devnet`: runs the network in the foreground, with or without its story. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { PalisadeError, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import {
  createLogger,
  type DaemonContext,
  ensureDir,
  logSection,
  runDaemon,
} from '@palisade/daemon';
import { describeError } from './describe-error.ts';
import { type RunningDevnet, startDevnet } from './devnet.ts';
import { describeChild, foldersOf } from './files.ts';
import { DEVELOPMENT_TIMING, POPULATION, type Timing } from './network.ts';
import { utilityOf } from './parts.ts';
import { tellSeats } from './seat-story.ts';
import { tellStory } from './story.ts';

export type DevnetRun = {
  readonly root: string;
  readonly processes: boolean;
  readonly story: boolean;
  /** Leave after the story, with status 0 when all of it went well. */
  readonly exit: boolean;
  /** The file that the story is about; a file of the working folder unless given. */
  readonly file?: string;
  /** Program in JavaScript that checks the network's folder when the story is told; 0 is good. */
  readonly check?: string;
  readonly json: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn';
  readonly blockTimeMs?: number;
  readonly sessionMs?: number;
  readonly seed?: string;
  /** RPC address of its root chain; true, or absent: a node of its own; false: none. */
  readonly rootChain?: string | boolean | undefined;
  /** Least time of an exit, s; only when it is new. */
  readonly exitPeriodS?: number;
  /** Sectors that each storing partner keeps proven as power. */
  readonly sectors: number;
  /** Where the tunnels of one more partner may lead. */
  readonly allow?: readonly string[];
};

const DAEMON_NAME = 'devnet';
/** Files that a checkout has, the first that is there is stored. */
const STORY_FILES = ['README.md', 'LICENSE', 'package.json'];
/** Guard time of a block: this part of its time, as 150 ms are of a second. */
const GUARD_PART = 0.15;

function timingOf({ blockTimeMs, sessionMs }: DevnetRun): Timing {
  const block = blockTimeMs ?? DEVELOPMENT_TIMING.blockTimeMs;
  return {
    blockTimeMs: block,
    sessionMs: sessionMs ?? DEVELOPMENT_TIMING.sessionMs,
    guardMs: Math.round(block * GUARD_PART),
  };
}

/** Ten minutes: what the reference has for development. */
const EXIT_PERIOD_S = 600;

function rootChainOf({ rootChain = true, exitPeriodS = EXIT_PERIOD_S }: DevnetRun) {
  if (rootChain === false) return { leaveRootChain: true };
  const url = typeof rootChain === 'string' ? { url: rootChain } : {};
  return { rootChain: { ...url, exitPeriodS } };
}

/** @throws PalisadeError `devnet/bad-folder`; what goes wrong later ends the process with a line */
export async function runDevnet(run: DevnetRun): Promise<void> {
  await ensureDir(run.root).catch((cause: Error) => {
    throw badFolder(run.root, cause);
  });
  const began = performance.now();
  const say = (line: string) => {
    const at = `${((performance.now() - began) / 1000).toFixed(1)}s`.padStart(7);
    if (!run.json) process.stdout.write(`${at}  ${line}\n`);
  };
  const settings = logSection.parse({
    stdout: false,
    level: 'info',
    file: join(run.root, 'log', 'devnet.log'),
  });
  await runDaemon(
    DAEMON_NAME,
    async (context) => {
      const devnet = await startDevnet(context, {
        root: run.root,
        timing: timingOf(run),
        processes: run.processes,
        sectors: run.sectors,
        logLevel: run.logLevel,
        onNews: say,
        ...rootChainOf(run),
        ...(run.seed === undefined ? {} : { seed: run.seed }),
        ...(run.allow === undefined ? {} : { allow: run.allow }),
      });
      if (run.json) process.stdout.write(`${JSON.stringify(summary(devnet, run.root), null, 2)}\n`);
      else introduce(devnet, run.root, say);
      if (run.sectors > 0 && !run.json) followSeats(devnet, say, context);
      if (run.story) {
        void tell(run, devnet, say, context.signal).then(
          () => run.exit && process.kill(process.pid, 'SIGTERM'),
          (error: unknown) => {
            if (context.signal.aborted) return;
            if (run.exit) context.fail(error);
            else process.stderr.write(`The story failed: ${describeError(error)}\n`);
          },
        );
      } else if (!run.json) say('ready; Ctrl-C stops it, and `palisade devnet` goes on with it');
      return devnet;
    },
    {
      log: createLogger(settings, { name: DAEMON_NAME }),
      dataDir: run.root,
      onEnd: (error) => void process.stderr.write(`${lastWords(error, run.root)}\n`),
    },
  );
}

/** Why it ends; where one runs in its folder already, that one goes on. */
export function lastWords(error: unknown, root: string): string {
  const isInUse = error instanceof PalisadeError && error.code === 'daemon/data-dir-in-use';
  const { dir, name, pid, since } = isInUse ? error.data : {};
  if (dir !== root || name !== DAEMON_NAME) return `The network ends: ${describeError(error)}`;
  const url = urlOf(root);
  return [
    `A network of ${root} runs already, and goes on: process ${pid}, since ${since}${url === undefined ? '' : `, at ${url}`}.`,
    '  use it: commands reach it from any terminal, such as npx palisade partners',
    `  stop it: Ctrl-C where it runs, or kill ${pid}`,
    '  run one more beside it: name another folder with --dir',
  ].join('\n');
}

function urlOf(root: string): string | undefined {
  try {
    return JSON.parse(readFileSync(join(root, 'network.json'), 'utf8')).urls[0];
  } catch {
    return undefined; // it has only begun
  }
}

/** Seats change hands whatever the story is about; what goes wrong in telling it is for the log. */
function followSeats(
  devnet: RunningDevnet,
  say: (line: string) => void,
  { signal, log }: DaemonContext,
): void {
  tellSeats(devnet, { tell: say, signal }).catch((error: unknown) => {
    if (!signal.aborted) log.warn('the seats are told of no longer', { err: error });
  });
}

async function tell(
  run: DevnetRun,
  devnet: RunningDevnet,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const file = run.file ?? STORY_FILES.find((name) => existsSync(name));
  if (!file)
    throw new PalisadeError({
      code: 'devnet/no-file',
      message: 'There is no file for the story in this folder.',
      next: 'Name one with --file.',
    });
  const folder = foldersOf(run.root).client;
  const { job, paid } = await tellStory(devnet, { file, folder, tell: say, signal });
  if (run.check !== undefined) await checkFolder(run.check, run.root, say);
  say(`done: ${paid.size} partners are paid for job ${job}`);
  if (run.exit) return;
  say('it goes on running. In another terminal, try:');
  for (const line of [
    'npx palisade put FILE --for 10m        store a file of your own',
    `npx palisade job ${job.slice(0, 18)}…   what happened to this job`,
    'npx palisade partners                  who offers what',
    'npx palisade payout                    the last payout file',
    'npx palisade power show                who lends how much storage power to whom',
    'npx palisade events --follow           everything, as it happens',
    'npx palisade --help                    and the rest',
  ])
    say(`  ${line.replace(`${job.slice(0, 18)}…`, job)}`);
  say('Ctrl-C stops it; npm start goes on with the same chain; npx palisade reset forgets it');
}

/** @throws PalisadeError `devnet/check-failed` */
async function checkFolder(
  program: string,
  root: string,
  say: (line: string) => void,
): Promise<void> {
  const child = spawn(process.execPath, [program, root], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  for await (const line of createInterface(child.stdout)) say(line);
  const [code] = await ended;
  if (code === 0) return;
  throw new PalisadeError({
    code: 'devnet/check-failed',
    message: `${program} ended with ${code}.`,
    next: `What it found is above; run it again with: node ${program} ${root}`,
  });
}

function summary(devnet: RunningDevnet, root: string) {
  const { network, urls, partnerUrls, pids, fresh, childChain } = devnet;
  return {
    chainId: network.genesis.chainId,
    fresh,
    folder: root,
    validators: urls,
    partners: partnerUrls,
    client: {
      address: toHex(secp256k1.addressOf(network.clientSecret)),
      secret: toHex(network.clientSecret),
    },
    pids,
    ...(childChain ? { childChain: describeChild(childChain) } : {}),
  };
}

function introduce(devnet: RunningDevnet, root: string, say: (line: string) => void): void {
  const { network, urls, partnerUrls, fresh, timing } = devnet;
  say(
    `${fresh ? 'a new network' : 'the network goes on'}: ${network.genesis.chainId}, blocks of ${timing.blockTimeMs} ms, sessions of ${timing.sessionMs / 1000} s`,
  );
  say(
    '  embedded engine: one process holds every validator key. For development only: its keys come from a public seed',
  );
  urls.forEach((url, i) => {
    const role = i < POPULATION.active ? 'active ' : 'passive';
    say(`  ${network.validators[i]!.name}  ${role}  ${url}`);
  });
  const partners = [...network.partners, network.accessPartner];
  for (const [i, url] of partnerUrls.entries())
    say(`  ${partners[i]!.name}    ${utilityOf(i).padEnd(7)}  ${url}`);
  if (devnet.childChain) {
    const { rootChain, childChainUrl, watcherUrl } = devnet.childChain;
    say(`  root chain ${rootChain.nowAt}, child chain ${childChainUrl}, watcher ${watcherUrl}`);
  }
  say(`  client ${toHex(secp256k1.addressOf(network.clientSecret))}`);
  say(`  its key ${toHex(network.clientSecret)}`);
  say(
    `  API ${urls[0]}/openapi.json; everything is kept in ${relative(process.cwd(), root) || root}`,
  );
}

function badFolder(root: string, cause: Error): PalisadeError {
  return new PalisadeError({
    code: 'devnet/bad-folder',
    message: `The network cannot be kept in ${root}: ${cause.message}`,
    next: 'Name another folder with --dir.',
    cause,
  });
}
