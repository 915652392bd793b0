/**
 * Daemons and tools that run here: loaded when they are called, so that `palisade balance` loads no
 * engine. Each hands its options to the package that knows what to do with them.
 */
import { join, resolve } from 'node:path';
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { toHex } from '@palisade/core';
import { type Context, execute, leaf } from '../command.ts';
import { homeOf } from '../session/home.ts';
import { parseCount, parseDuration } from '../terminal/amounts.ts';
import { freeYoungSpace } from '../young-space.ts';

/** Sectors of each storing partner of a development network: losing one, it has some left. */
const SECTORS = 2;

const LEVELS = ['debug', 'info', 'warn'] as const;

export function devnetCommand({ world }: Context) {
  return leaf(
    'devnet',
    'Run a whole network here: validators, partners, a funded account',
    'palisade devnet --session 60s',
  )
    .option('--dir <folder>', 'where it keeps everything; `devnet` in PALISADE_HOME, unless given')
    .option('--processes', 'one process for the validators and one for each partner')
    .option('--story', 'store a file, and tell what happens until it is paid for')
    .option('--file <file>', 'the file of the story; README.md unless given')
    .option('--check <program>', 'with --story: JavaScript file that checks the folder at its end')
    .option('--exit', 'with --story: leave after the first payout')
    .option('--block-time <time>', 'time from block to block', parseDuration)
    .option('--session <time>', 'length of a session', parseDuration)
    .option('--seed <text>', 'what the keys are made of; only when it is new')
    .option(
      '--root-chain <url>',
      'put its child chain on this node of Ethereum; only when it is new',
    )
    .option('--no-root-chain', 'start none; the child chain of a network that has one stands still')
    .option(
      '--exit-period <time>',
      'least time that an exit takes; only when it is new',
      parseDuration,
    )
    .option(
      '--allow <place>',
      'one more partner, whose tunnels lead to HOST:PORT; may be given several times',
      texts,
    )
    .addOption(
      new Option(
        '--sectors <count>',
        'that each storing partner proves and lends; 0: no seat is drawn',
      )
        .argParser(parseCount(0, 64))
        .default(SECTORS),
    )
    .addOption(
      new Option('--log-level <level>', 'of the log files')
        .choices(LEVELS)
        .default('info' as const),
    )
    .action(async (options) => {
      const { dir, processes, story, file, check, exit, blockTime, session } = options;
      const { rootChain, exitPeriod, seed, logLevel, json, allow, sectors } = options;
      const { runDevnet } = await daemon(() => import('@palisade/devnet'));
      await runDevnet({
        root: dir === undefined ? homeOf(world).devnet : resolve(dir),
        processes: processes === true,
        story: story === true,
        exit: exit === true,
        ...(file === undefined ? {} : { file: resolve(file) }),
        ...(check === undefined ? {} : { check: resolve(check) }),
        json: json === true,
        rootChain,
        ...(exitPeriod === undefined ? {} : { exitPeriodS: Math.ceil(exitPeriod / 1000) }),
        logLevel,
        sectors,
        ...(blockTime === undefined ? {} : { blockTimeMs: blockTime }),
        ...(session === undefined ? {} : { sessionMs: session }),
        ...(seed === undefined ? {} : { seed }),
        ...(allow === undefined ? {} : { allow }),
      });
    });
}

/** A part of a development network with processes of its own; started by it, not by people. */
export function devnetPartCommand() {
  return leaf(
    'devnet-part',
    'Serve one part of a development network',
    'palisade devnet-part partner 1 --dir FOLDER',
  )
    .argument('<role>', 'validators or partner')
    .argument('[numbers...]', 'of the partners that it serves', gather(parseCount(1, 1000)))
    .requiredOption('--dir <folder>', 'folder of the network')
    .option('--allow <rule>', 'where its tunnels may lead; may be given several times', texts)
    .option('--sectors <count>', 'that each storing partner proves', parseCount(0, 64), 0)
    .option('--with-root-chain', 'follow the root chain of the network')
    .addOption(
      new Option('--log-level <level>', 'of the log file').choices(LEVELS).default('info' as const),
    )
    .action(async (role, numbers, options) => {
      const { dir, logLevel, sectors, allow = [], withRootChain = false } = options;
      const { runPart } = await daemon(() => import('@palisade/devnet'));
      const part = role === 'validators' ? ('validators' as const) : ('partner' as const);
      await runPart({
        ...{ root: dir, role: part, numbers: numbers ?? [] },
        ...{ allow, sectors, withRootChain, logLevel },
      });
    });
}

/** A word that may be given several times, each read by `parse`. */
function gather<T>(parse: (text: string) => T) {
  return (text: string, before: readonly T[] = []): readonly T[] => [...before, parse(text)];
}
const texts = gather(String);

/** Settings of a daemon: `--set log.level=debug`. */
function parseSetting(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, path, value] = /^([a-zA-Z][\w.-]*)=(.*)$/s.exec(text) ?? [];
  if (path === undefined || value === undefined)
    throw new InvalidArgumentError('write it as name=value');
  return { ...before, [path]: value };
}

/** Loads what will run for long. */
export function daemon<T>(load: () => Promise<T>): Promise<T> {
  freeYoungSpace();
  return load();
}

/** A command that runs a daemon with settings of its own. */
export function daemonLeaf(name: string, about: string, example: string) {
  return leaf(name, about, example)
    .option('--config <file>', 'TOML file with its settings')
    .option('--set <name=value>', 'one setting, as log.level=debug; again for more', parseSetting);
}

export function nodeCommand({ world }: Context) {
  return daemonLeaf('node', 'Run a validator', 'palisade node --config node.toml').action(
    async ({ config, set }) => {
      const { runNode } = await daemon(() => import('@palisade/node'));
      await runNode({ env: world.env, file: config, set });
    },
  );
}

export function partnerCommand({ world }: Context) {
  return daemonLeaf(
    'partner',
    'Run a partner: offer storage, and be paid for it',
    'palisade partner --config partner.toml',
  ).action(async ({ config, set }) => {
    const { runPartnerDaemon } = await daemon(() => import('@palisade/partner'));
    await runPartnerDaemon({ env: world.env, file: config, set });
  });
}

export function auditCommand(context: Context) {
  return leaf(
    'audit',
    'Check the state of a validator that does not run against the laws of the chain',
    'palisade audit ~/.palisade/devnet/node',
  )
    .argument('[folder]', 'its data folder; that of the development network, unless given')
    .action((folder, options) =>
      execute(context, options, async ({ home, paint }) => {
        const { auditState } = await import('@palisade/node');
        const dir = folder === undefined ? join(home.devnet, 'node') : resolve(folder);
        const report = await auditState(dir);
        const { chainId, height, appHash, ok, findings } = report;
        return {
          json: report,
          lines: [
            `${chainId}, block ${height}, app hash ${toHex(appHash)}`,
            ...findings.map((one) =>
              one.ok
                ? `${paint.green('✓')} ${one.name}`
                : `${paint.red('✗')} ${one.name}: ${one.what}`,
            ),
          ],
          exitCode: ok ? 0 : 1,
        };
      }),
    );
}
