/** `palisade deposit`, `pay`, `utxos`: money on the child chain, guarded by a watcher. */
import { PalisadeError, toHex } from '@palisade/core';
import { InvalidArgumentError } from 'commander';
import { type Context, execute, type Report } from '../command.ts';
import type { Session } from '../session/session.ts';
import { openSessionWallet, type WalletFlags, walletLeaf } from '../session/wallet.ts';
import { countOf } from '../terminal/amounts.ts';
import { formatEther, isEther, parseEther } from '../terminal/ether.ts';
import { parseAddress } from '../terminal/ids.ts';
import { facts, table } from '../terminal/table.ts';

/** A deposit counts when it is some blocks deep: three minutes with a public root chain. */
const WAIT_MS = 240_000;
const LOOK_MS = 500;

export function depositCommand(context: Context) {
  return walletLeaf('deposit', 'Deposit ether on the child chain', 'palisade deposit 0.5')
    .argument('<amount>', 'how much, in ether', parseEther)
    .option('--no-wait', 'do not wait until it can be spent')
    .option('-y, --yes', 'do not ask before paying')
    .action((amount, options) =>
      execute(context, options, (session) => deposit(session, amount, options)),
    );
}

async function deposit(
  session: Session,
  amount: bigint,
  flags: WalletFlags & { readonly wait: boolean },
): Promise<Report> {
  const wallet = await openSessionWallet(session, flags);
  await wallet.needSafe();
  session.note(`Deposits ${formatEther(amount)} into ${wallet.contracts.ethVault}.`);
  if (!(await session.agreed('Deposit it?'))) return nothing('deposited');
  const { position, transaction } = await wallet.deposit(amount);
  if (flags.wait) {
    session.note(`Transaction ${transaction}; waits until the watcher has seen it deep enough.`);
    await untilThere(async () =>
      (await wallet.outputs(wallet.address())).some((coin) => coin.position === position),
    );
  }
  return {
    json: { deposited: true, position, amount, transaction },
    lines: [`Output ${position} holds ${formatEther(amount)}.`],
  };
}

async function untilThere(look: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + WAIT_MS; performance.now() < end; ) {
    if (await look()) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new PalisadeError({
    code: 'cli/still-waiting',
    message: 'The deposit was made, and the watcher has not seen it deep enough yet.',
    next: 'palisade utxos shows it when it can be spent.',
    retry: 'later',
  });
}

function nothing(what: string): Report {
  return { json: { [what]: false }, lines: [`Nothing was ${what}.`] };
}

export function payCommand(context: Context) {
  return walletLeaf(
    'pay',
    'Pay ether to somebody on the child chain, unless the watcher finds it dangerous',
    'palisade pay 0x7605f485e542bd304b0f379f68e7014063c66d06 0.1',
  )
    .argument('<to>', 'address of the account', parseAddress)
    .argument('<amount>', 'how much, in ether', parseEther)
    .option('-y, --yes', 'do not ask before paying')
    .action((to, amount, options) =>
      execute(context, options, async (session) => {
        const wallet = await openSessionWallet(session, options);
        await wallet.needSafe();
        session.note(`Pays ${formatEther(amount)} to ${toHex(to)}.`);
        if (!(await session.agreed('Pay it?'))) return nothing('paid');
        const { position, blknum, txindex, txhash, signed, fee } = await wallet.pay(to, amount);
        return {
          json: { paid: true, to, amount, fee, position, blknum, txindex, txhash, signed },
          lines: [
            `Paid in child block ${blknum}, place ${txindex}: output ${position}, fee ${formatEther(fee)}.`,
            `transaction ${txhash}`,
          ],
        };
      }),
    );
}

export function utxosCommand(context: Context) {
  return walletLeaf('utxos', 'List outputs on the child chain that can be spent', 'palisade utxos')
    .argument('[address]', 'their owner; you, unless given', parseAddress)
    .action((address, options) =>
      execute(context, options, async (session) => {
        const wallet = await openSessionWallet(session, options, 'look');
        const owner = toHex(address ?? (await session.account()).signer.id);
        const outputs = await wallet.outputs(owner);
        const ether = outputs.filter(({ token }) => isEther(token));
        const sum = ether.reduce((total, { amount }) => total + amount, 0n);
        return {
          json: { owner, outputs },
          lines: [
            ...table(
              [{ title: 'output' }, { title: 'token' }, { title: 'amount' }],
              outputs.map(({ position, token, amount }) => [
                `${position}`,
                isEther(token) ? 'ether' : token,
                isEther(token) ? formatEther(amount) : `${amount}`,
              ]),
            ),
            ...facts([[countOf(outputs.length, 'output'), formatEther(sum)]]),
          ],
        };
      }),
    );
}

/** A whole number that names an output: its block, its transaction, its place. */
export function parsePosition(text: string): bigint {
  if (/^[1-9]\d{9,26}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError('an output is a whole number, as palisade utxos shows it');
}
