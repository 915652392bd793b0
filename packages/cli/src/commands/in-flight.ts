/** `palisade inflight`: exits of payments that are in no child block, or in one that nobody can see. */
import { fromHex } from '@palisade/core';
import { InvalidArgumentError } from 'commander';
import { branch, type Context, execute } from '../command.ts';
import { openSessionWallet, walletLeaf } from '../session/wallet.ts';
import { parseCount } from '../terminal/amounts.ts';
import { formatEther } from '../terminal/ether.ts';
import { usageError } from '../terminal/print-error.ts';
import { facts } from '../terminal/table.ts';

/** Bytes of a payment at most. */
const MAX_TX_BYTES = 1024;
/** Index of the last input or output that a payment can have. */
const LAST = 4;

export function inFlightCommand(context: Context) {
  return branch('inflight', 'Exits of payments that may have come into no child block')
    .addCommand(startCommand(context))
    .addCommand(piggybackCommand(context))
    .addCommand(showCommand(context));
}

type Hex = `0x${string}`;

function parseTransaction(text: string): Hex {
  if (/^0x(?:[0-9a-f]{2})+$/i.test(text) && text.length <= 2 + 2 * MAX_TX_BYTES)
    return text.toLowerCase() as Hex;
  throw new InvalidArgumentError('a transaction is 0x and an even number of hex digits');
}

function startCommand(context: Context) {
  return walletLeaf(
    'start',
    'Start the exit of a signed payment, as `palisade pay --json` prints it; its bond is locked',
    'palisade inflight start 0xf8c5...',
  )
    .argument('<signed>', 'the payment with its signatures', parseTransaction)
    .option('-y, --yes', 'do not ask before paying the bond')
    .action((signed, options) =>
      execute(context, options, async (session) => {
        const wallet = await openSessionWallet(session, options);
        if (!(await session.agreed('Start its exit, and lock a bond for it?')))
          return { json: { started: false }, lines: ['No exit was started.'] };
        const { txbytes, bond, transaction } = await wallet.startInFlight(fromHex(signed));
        return {
          json: { started: true, txbytes, bond, transaction },
          lines: [
            `The exit has begun, bond ${formatEther(bond)}. Piggyback what is yours on it:`,
            `palisade inflight piggyback ${txbytes} --output 0`,
          ],
        };
      }),
    );
}

function piggybackCommand(context: Context) {
  return walletLeaf(
    'piggyback',
    'Ask for an input or output of yours in the exit of a payment; a bond is locked',
    'palisade inflight piggyback 0xf8c5... --output 0',
  )
    .argument('<txbytes>', 'the payment without its signatures', parseTransaction)
    .option('--input <index>', 'of yours, from 0', parseCount(0, LAST))
    .option('--output <index>', 'of yours, from 0', parseCount(0, LAST))
    .option('-y, --yes', 'do not ask before paying the bond')
    .action((txbytes, options) =>
      execute(context, options, async (session) => {
        const { input, output } = options;
        if ((input === undefined) === (output === undefined))
          throw usageError(
            'Which one is yours?',
            'Name either --input or --output, with its index.',
          );
        const wallet = await openSessionWallet(session, options);
        if (!(await session.agreed('Piggyback, and lock a bond for it?')))
          return { json: { piggybacked: false }, lines: ['Nothing was piggybacked.'] };
        const [side, index] =
          input === undefined ? (['output', output!] as const) : (['input', input] as const);
        const { bond, transaction } = await wallet.piggyback(txbytes, side, index);
        return {
          json: { piggybacked: true, side, index, bond, transaction },
          lines: [`The ${side} ${index} is piggybacked, bond ${formatEther(bond)}: ${transaction}`],
        };
      }),
    );
}

function showCommand(context: Context) {
  return walletLeaf('show', 'Show the exit of a payment', 'palisade inflight show 0xf8c5...')
    .argument('<txbytes>', 'the payment without its signatures', parseTransaction)
    .action((txbytes, options) =>
      execute(context, options, async (session) => {
        const wallet = await openSessionWallet(session, options, 'look');
        const exit = await wallet.inFlightOf(txbytes);
        const listed = (indices: readonly number[]) => indices.join(', ') || 'none';
        return {
          json: exit,
          lines: facts([
            ['exit', `${exit.exitId}`],
            ['state', exit.isOpen ? 'open' : 'none, or over'],
            ['canonical', exit.isCanonical ? 'yes' : 'no'],
            ['inputs piggybacked', listed(exit.inputs)],
            ['outputs piggybacked', listed(exit.outputs)],
          ]),
        };
      }),
    );
}
