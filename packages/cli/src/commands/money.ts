/** `palisade balance`, `send`, `faucet`. */
import { accountQuery, NATIVE, send as transfer } from '@palisade/chain/schema';
import { toHex } from '@palisade/core';
import { accountLeaf, type Context, execute, type Report } from '../command.ts';
import type { Session } from '../session/session.ts';
import { formatAmount, parseAmount } from '../terminal/amounts.ts';
import { parseAddress } from '../terminal/ids.ts';
import { facts } from '../terminal/table.ts';

export function balanceCommand(context: Context) {
  return accountLeaf('balance', 'Show what an account has', 'palisade balance')
    .argument('[address]', 'the account; yours, unless given', parseAddress)
    .action((address, options) =>
      execute(context, options, async (session) => {
        const who = address ?? (await session.account()).signer.id;
        const { balances, holds } = await session.chain.query(accountQuery, { address: who });
        const { free, held } = balances.find(({ denom }) => denom === NATIVE.denom) ?? {
          free: 0n,
          held: 0n,
        };
        return {
          json: { address: who, free, held, balances, holds },
          lines: facts([
            ['account', toHex(who)],
            ['free', formatAmount(free)],
            ...(held > 0n ? ([['held', formatAmount(held)]] as const) : []),
            ...holds.map(({ purpose, amount }) => [`  ${purpose}`, formatAmount(amount)] as const),
          ]),
        };
      }),
    );
}

export function sendCommand(context: Context) {
  return accountLeaf(
    'send',
    'Send tokens to another account',
    'palisade send 0x7605f485e542bd304b0f379f68e7014063c66d06 1.5',
  )
    .argument('<to>', 'address of the account', parseAddress)
    .argument('<amount>', 'how much, in PAL', parseAmount)
    .option('-y, --yes', 'do not ask before paying')
    .action((to, amount, options) =>
      execute(context, options, (session) => send(session, to, amount)),
    );
}

async function send(session: Session, to: Uint8Array, amount: bigint): Promise<Report> {
  const { signer } = await session.account();
  const fields = { to, denom: NATIVE.denom, amount };
  const fee = await session.chain.feeFor(transfer, fields);
  for (const line of facts([
    ['to', toHex(to)],
    ['amount', formatAmount(amount)],
    ['fee', formatAmount(fee)],
  ]))
    session.note(line);
  if (!(await session.agreed('Send it?')))
    return { json: { sent: false }, lines: ['Nothing was sent, nothing was paid.'] };
  const { id, height } = await session.chain.send(transfer, fields, signer);
  return {
    json: { sent: true, transaction: id, height, to, amount, fee },
    lines: [`Sent in block ${height}, transaction ${toHex(id)}.`],
  };
}

export function faucetCommand(context: Context) {
  return accountLeaf(
    'faucet',
    'Get tokens of a development network',
    'palisade faucet 0x7605f485e542bd304b0f379f68e7014063c66d06',
  )
    .argument('[address]', 'who gets them; you, unless given', parseAddress)
    .action((address, options) =>
      execute(context, options, async (session) => {
        const who = address ?? (await session.account()).signer.id;
        const { amount } = await session.chain.faucet(who);
        return {
          json: { address: who, amount },
          lines: [`${toHex(who)} was given ${formatAmount(amount)}.`],
        };
      }),
    );
}
