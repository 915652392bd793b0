/** `palisade exit start`, `list`, `show`, `challenge`, `process`: exits by hand. What a watcher does by itself is in `watch.ts`. */
import { type Context, execute, leaf } from '../command.ts';
import { openSessionWallet, walletLeaf, watcherOf } from '../session/wallet.ts';
import { countOf, parseCount } from '../terminal/amounts.ts';
import { formatEther, isEther } from '../terminal/ether.ts';
import { facts, table } from '../terminal/table.ts';
import { parsePosition } from './child-chain.ts';

/** Exits that one transaction pays at most: more would not fit into a block of the root chain. */
const MOST_PROCESSED = 100;

export function exitStartCommand(context: Context) {
  return walletLeaf(
    'start',
    'Take an output of yours out to the root chain; its bond comes back with it',
    'palisade exit start 1000000000000',
  )
    .argument('<output>', 'as palisade utxos shows it', parsePosition)
    .option('-y, --yes', 'do not ask before paying the bond')
    .action((position, options) =>
      execute(context, options, async (session) => {
        const wallet = await openSessionWallet(session, options);
        if (!(await session.agreed(`Exit with output ${position}, and lock a bond for it?`)))
          return { json: { started: false }, lines: ['No exit was started.'] };
        const exit = await wallet.startExit(position);
        return {
          json: { started: true, position, ...exit },
          lines: [
            `Exit ${exit.exitId} of output ${position} has begun, bond ${formatEther(exit.bond)}.`,
            `It can be paid ${timeOf(exit.exitableAt)}: palisade exit process`,
          ],
        };
      }),
    );
}

const LAST_PAGE = 1_000_000;

export function exitListCommand(context: Context) {
  return leaf(
    'list',
    'List the exits that a watcher knows, the newest first, with their state and danger',
    'palisade exit list --open',
  )
    .option('--open', 'only those that nothing has ended yet')
    .option('--page <number>', 'each has 200', parseCount(1, LAST_PAGE), 1)
    .option('--api <url>', 'API of the watcher; the development network’s')
    .action((options) =>
      execute(context, options, async (session) => {
        const { listExits } = await import('@palisade/watcher/wallet');
        const { open = false, page } = options;
        const exits = await listExits(watcherOf(session, options), { open, page });
        return {
          json: exits,
          lines:
            exits.length === 0
              ? ['No exits.']
              : table(
                  ['output or transaction', 'state', 'amount', 'can be paid', 'danger', ''].map(
                    (title) => ({ title }),
                  ),
                  exits.map(rowOf),
                ),
        };
      }),
    );
}

function rowOf(exit: import('@palisade/watcher/wallet').ListedExit): string[] {
  const { state, danger, events, amount, currency = '', scheduled_finalization_time: time } = exit;
  const held = amount === undefined ? '' : isEther(currency) ? formatEther(amount) : `${amount}`;
  return [
    exit.utxo_pos === undefined ? `in flight ${exit.txhash}` : `${exit.utxo_pos}`,
    ...[state, held, time === null ? '' : timeOf(time), danger, events.join(', ')],
  ];
}

export function exitShowCommand(context: Context) {
  return walletLeaf('show', 'Show the exit of an output', 'palisade exit show 1000000000000')
    .argument('<output>', 'whose exit it is', parsePosition)
    .action((position, options) =>
      execute(context, options, async (session) => {
        const wallet = await openSessionWallet(session, options, 'look');
        const exit = await wallet.exitOf(position);
        const state = exit.isExitable ? 'open' : exit.isOpen ? 'challenged' : 'over';
        return {
          json: { position, state, ...exit },
          lines: facts([
            ['exit', `${exit.exitId}`],
            ['state', state],
            ...(exit.isOpen
              ? ([
                  ['to', exit.target],
                  ['amount', formatEther(exit.amount)],
                  ['can be paid', timeOf(exit.exitableAt)],
                ] as const)
              : []),
          ]),
        };
      }),
    );
}

export function exitChallengeCommand(context: Context) {
  return walletLeaf(
    'challenge',
    'Challenge an exit that a watcher finds invalid; a watcher does so by itself',
    'palisade exit challenge 1000000000 --dry-run',
  )
    .argument('<output>', 'whose exit it is', parsePosition)
    .option('--dry-run', 'show what would be sent, and send nothing')
    .action((position, options) =>
      execute(context, options, async (session) => {
        if (options.dryRun) {
          const wallet = await openSessionWallet(session, options, 'look');
          const shown = await wallet.challengeOf(position);
          return {
            json: { sent: false, ...shown },
            lines: [
              `Exit ${shown.exit_id} would be challenged with the transaction that spends output ${position}:`,
              `  ${shown.txbytes}`,
              `  input ${shown.input_index}, signature ${shown.sig}`,
            ],
          };
        }
        const wallet = await openSessionWallet(session, options);
        const { exitId, transaction } = await wallet.challenge(position);
        return {
          json: { sent: true, exitId, transaction },
          lines: [`Exit ${exitId} is challenged, and its bond is yours: ${transaction}`],
        };
      }),
    );
}

export function exitProcessCommand(context: Context) {
  return walletLeaf(
    'process',
    'Have exits of ether paid that are due, whoever they are of',
    'palisade exit process --max 10',
  )
    .option('--max <count>', 'exits at most', parseCount(1, MOST_PROCESSED), 10)
    .action((options) =>
      execute(context, options, async (session) => {
        const wallet = await openSessionWallet(session, options);
        const { processed, transaction } = await wallet.processExits(BigInt(options.max));
        return {
          json: { processed, transaction },
          lines: [
            processed === 0n
              ? 'No exit is due yet.'
              : `${countOf(Number(processed), 'exit is', 'exits are')} over: ${transaction}`,
          ],
        };
      }),
    );
}

function timeOf(seconds: bigint | undefined): string {
  if (seconds === undefined) return 'at a time that is not known here';
  return `after ${new Date(Number(seconds) * 1000).toISOString().replace('.000', '')}`;
}
