/** `palisade watch`, `palisade exit`: the watcher of a child chain, and what it knows of exits. */
import { readFile, stat } from 'node:fs/promises';
import { Option } from '@commander-js/extra-typings';
import { exactJson, PalisadeError, parseExactJson, toHex } from '@palisade/core';
import { branch, type Context, execute, leaf } from '../command.ts';
import { watcherOf } from '../session/wallet.ts';
import { parseAddress } from '../terminal/ids.ts';
import { facts } from '../terminal/table.ts';
import { daemonLeaf } from './daemons.ts';
import {
  exitChallengeCommand,
  exitListCommand,
  exitProcessCommand,
  exitShowCommand,
  exitStartCommand,
} from './exits.ts';

/** A watcher on this machine answers in milliseconds. */
const ASK_MS = 10_000;

export function watchCommand(context: Context) {
  return branch('watch', 'Watch a child chain: check its blocks and exits, challenge what is wrong')
    .addCommand(runCommand(context), { isDefault: true })
    .addCommand(statusCommand(context));
}

function runCommand({ world }: Context) {
  return daemonLeaf(
    'run',
    'Run a watcher; also without the word run',
    'palisade watch run --root-chain http://127.0.0.1:8545 --framework 0x5fbdb2315678afecb367f032d93f642f64180aa3',
  )
    .option('--root-chain <urls>', 'RPC addresses of the root chain, separated by commas')
    .option('--framework <address>', 'the framework contract of the child chain', parseAddress)
    .option('--child-chain <url>', 'API of the child chain')
    .addOption(new Option('--dialect <version>', 'version of the contracts').choices(['v1', 'v2']))
    .addOption(
      new Option('--mode <mode>', 'whether what is wrong is challenged').choices([
        'watch-only',
        'defensive',
      ]),
    )
    .option('--dry-run', 'tell what would be challenged, and send nothing')
    .action(async (options) => {
      const { rootChain, framework, childChain, dialect, mode, dryRun, config, set } = options;
      const { runWatch } = await import('@palisade/watcher');
      const flags = {
        'watch.rootChain': rootChain,
        'watch.framework': framework && toHex(framework),
        'watch.childChain': childChain,
        'watch.dialect': dialect,
        'watch.mode': mode,
        'watch.dryRun': dryRun,
        ...set,
      };
      await runWatch({ env: world.env, flags, ...(config === undefined ? {} : { file: config }) });
    });
}

function statusCommand(context: Context) {
  return leaf(
    'status',
    'Tell whether a watcher protects its user, and what it found',
    'palisade watch status',
  )
    .option('--api <url>', 'API of the watcher; the development network’s')
    .action((options) =>
      execute(context, options, async (session) => {
        const { paint } = session;
        const status = (await ask(`${watcherOf(session, options)}/status`)) as Status;
        const { danger, synced, mode, spending, challenger } = status;
        const isWell = danger.level === 'OK' || danger.level === 'WATCH';
        return {
          json: status,
          lines: [
            `${isWell ? paint.green(danger.level) : paint.red(danger.level)}  ${danger.reasons.join(', ')}`.trimEnd(),
            ...facts([
              ['what to do', danger.advice],
              ['synced', synced ? 'yes' : 'no'],
              ['mode', mode],
              ['spending', spending.allowed ? 'allowed' : `refused: ${spending.reason}`],
              ['child block', `${status.childBlock}`],
              ['root chain', `block ${status.rootHeight ?? 'unknown'}`],
              ['open exits', `${status.openExits}`],
              [
                'challenger',
                challenger ? `${challenger.address}, ${challenger.balance} wei` : 'none',
              ],
            ]),
          ],
          exitCode: isWell && synced ? 0 : 1,
        };
      }),
    );
}

type Status = {
  readonly danger: {
    readonly level: string;
    readonly reasons: readonly string[];
    readonly advice: string;
  };
  readonly synced: boolean;
  readonly mode: string;
  readonly spending: { readonly allowed: boolean; readonly reason?: string };
  readonly childBlock: bigint;
  readonly rootHeight: bigint | null;
  readonly openExits: bigint;
  readonly challenger: { readonly address: string; readonly balance?: string } | null;
};

export function exitCommand(context: Context) {
  return branch('exit', 'Exits to the root chain: start, look, challenge, pay; and evidence')
    .addCommand(exitStartCommand(context))
    .addCommand(exitShowCommand(context))
    .addCommand(exitListCommand(context))
    .addCommand(exitChallengeCommand(context))
    .addCommand(exitProcessCommand(context))
    .addCommand(evidenceCommand(context))
    .addCommand(checkCommand(context));
}

function evidenceCommand(context: Context) {
  return leaf(
    'evidence',
    'Print evidence of what a watcher finds wrong now, one document a line',
    'palisade exit evidence > evidence.jsonl',
  )
    .option('--api <url>', 'API of the watcher; the development network’s')
    .action((options) =>
      execute(context, options, async (session) => {
        const api = watcherOf(session, options);
        const documents = (await call(api, 'evidence.all')) as readonly unknown[];
        return { json: documents, lines: documents.map((document) => exactJson(document)) };
      }),
    );
}

function checkCommand(context: Context) {
  return leaf('check', 'Check evidence of a watcher, offline', 'palisade exit check evidence.jsonl')
    .argument('<file>', 'evidence, one document a line')
    .action((file, options) =>
      execute(context, options, async ({ paint }) => {
        const { checkEvidence, MAX_EVIDENCE_BYTES, parseEvidence } = await import(
          '@palisade/watcher'
        );
        const { size } = await stat(file);
        if (size > MAX_EVIDENCE_BYTES) throw tooLarge(file, MAX_EVIDENCE_BYTES);
        const documents = (await readFile(file, 'utf8')).split('\n').filter((line) => line.trim());
        const reports = documents.map((document) => checkEvidence(parseEvidence(document)));
        return {
          json: reports,
          lines: reports.flatMap(({ holds, finding, toAsk }) => [
            `${holds ? paint.green('✓') : paint.red('✗')} ${finding}`,
            ...toAsk.map((question) => `  ask for ${question}`),
          ]),
          exitCode: reports.length > 0 && reports.every(({ holds }) => holds) ? 0 : 1,
        };
      }),
    );
}

async function call(api: string, method: string): Promise<unknown> {
  const { success, data } = (await ask(`${api}/${method}`, '{}')) as {
    readonly success: boolean;
    readonly data: unknown;
  };
  if (success) return data;
  throw new PalisadeError({
    code: 'cli/watcher-refused',
    message: `The watcher does not answer ${method}: ${exactJson(data)}.`,
  });
}

async function ask(url: string, body?: string): Promise<unknown> {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(ASK_MS),
      ...(body === undefined ? {} : { method: 'POST', body }),
    });
    return parseExactJson(await response.text());
  } catch (cause) {
    throw new PalisadeError({
      code: 'cli/no-watcher',
      message: `No watcher answers at ${url}: ${(cause as Error).message}.`,
      next: 'Start one with palisade watch, or name its API with --api.',
      cause,
    });
  }
}

function tooLarge(file: string, most: number): PalisadeError {
  return new PalisadeError({
    code: 'cli/too-large',
    message: `${file} has more than ${most} bytes: that is no evidence.`,
  });
}
