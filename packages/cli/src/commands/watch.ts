/** `palisade watch`, `palisade exit`: the watcher of a child chain, and what it knows of exits. */
import { readFile, stat } from 'node:fs/promises';
import { Option } from '@commander-js/extra-typings';
import { exactJson, PalisadeError, toHex } from '@palisade/core';
import { branch, type Context, execute, leaf } from '../command.ts';
import { watcherOf } from '../session/wallet.ts';
import { formatEther } from '../terminal/ether.ts';
import { parseAddress } from '../terminal/ids.ts';
import { facts } from '../terminal/table.ts';
import { daemon, daemonLeaf } from './daemons.ts';
import {
  exitChallengeCommand,
  exitListCommand,
  exitProcessCommand,
  exitShowCommand,
  exitStartCommand,
} from './exits.ts';

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
      const { runWatch } = await daemon(() => import('@palisade/watcher'));
      const flags = {
        'watch.rootChain': rootChain,
        'watch.framework': framework && toHex(framework),
        'watch.childChain': childChain,
        'watch.dialect': dialect,
        'watch.mode': mode,
        'watch.dryRun': dryRun,
      };
      await runWatch({ env: world.env, file: config, flags, set });
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
        const { statusOfWatcher } = await import('@palisade/watcher/wallet');
        const status = await statusOfWatcher(watcherOf(session, options));
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
              ['challenger', challenger ? challengerText(challenger) : 'none'],
            ]),
          ],
          exitCode: isWell && synced ? 0 : 1,
        };
      }),
    );
}

type Challenger = NonNullable<import('@palisade/watcher/wallet').WatcherStatus['challenger']>;

function challengerText({ address, balance }: Challenger): string {
  return balance === undefined ? address : `${address}, ${formatEther(BigInt(balance))}`;
}

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
        const { listEvidence } = await import('@palisade/watcher/wallet');
        const documents = await listEvidence(watcherOf(session, options));
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

function tooLarge(file: string, most: number): PalisadeError {
  return new PalisadeError({
    code: 'cli/too-large',
    message: `${file} has more than ${most} bytes: that is no evidence.`,
  });
}
