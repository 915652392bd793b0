/** `palisade standing`, `return-bond`: what a key is trusted with, and the way back for a bond. */
import { fromHex, toHex } from '@palisade/core';
import {
  accountKey,
  mayTakeQuery,
  ROLE,
  type Role,
  returnBond,
  standingQuery,
} from '@palisade/market/schema';
import { InvalidArgumentError } from 'commander';
import { accountLeaf, type Context, execute, networkLeaf, type Report } from '../command.ts';
import { lastChallenge } from '../session/last-challenge.ts';
import type { Session } from '../session/session.ts';
import { formatAmount } from '../terminal/amounts.ts';
import { parseNodeKey } from '../terminal/ids.ts';
import { facts } from '../terminal/table.ts';

function parseKey(text: string): Uint8Array {
  if (/^0x(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$/.test(text)) return fromHex(text.toLowerCase());
  throw new InvalidArgumentError(
    'it is a node key, 0x and 64 hex digits, or an address, 0x and 40; palisade partners --json has whole keys',
  );
}

export function standingCommand(context: Context) {
  return networkLeaf(
    'standing',
    'Show score, receipts and limits of a partner, a validator or a client',
    'palisade standing 0x9f0c4c3a1b1de2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9eafb0c1d2e3f4a5b',
  )
    .argument('<key>', 'node key of a partner, or address of a client', parseKey)
    .option('--validator', 'the node key is a validator')
    .action((key, options) =>
      execute(context, options, (session) => standing(session, key, options.validator === true)),
    );
}

async function standing(
  { chain }: Session,
  key: Uint8Array,
  isValidator: boolean,
): Promise<Report> {
  const isAccount = key.length === 20;
  const role: Role = isAccount ? ROLE.client : isValidator ? ROLE.validator : ROLE.partner;
  const asked = isAccount ? accountKey(key) : key;
  const view = await chain.query(standingQuery, { role, key: asked });
  const contained = view.contained === 1 ? ', contained until it passes a challenge' : '';
  const common = [
    ['key', toHex(key)],
    ['score', `${view.score} of 1000`],
    ['receipts', `${view.receipts}`],
    ['failures', `${view.failuresInRow} in a row${contained}`],
  ] as const;
  if (role !== ROLE.partner) return { json: { role, key, ...view }, lines: facts([...common]) };
  const barred = await chain.query(mayTakeQuery, { partner: key, agreements: 1, value: 0n });
  const lines = facts([
    ...common,
    ['bond', formatAmount(view.bond)],
    ['earned', formatAmount(view.fees)],
    [
      'in flight',
      `${formatAmount(view.inFlight)} of ${formatAmount(view.inFlightLimit)}, ${view.agreements} agreements`,
    ],
    ['challenge', lastChallenge(view)],
    ['new work', barred.code === '' ? 'yes' : `no: ${barred.message} ${barred.next}`],
  ]);
  return { json: { role, key, ...view, barred }, lines };
}

export function returnBondCommand(context: Context) {
  return accountLeaf(
    'return-bond',
    'Free the probation bond of one of your partners',
    'palisade return-bond 0x9f0c4c3a1b1de2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9eafb0c1d2e3f4a5b',
  )
    .argument('<partner>', "the partner's node key", parseNodeKey)
    .option('-y, --yes', 'do not ask before paying')
    .action((partner, options) =>
      execute(context, options, (session) => freeBond(session, partner)),
    );
}

async function freeBond(session: Session, partner: Uint8Array): Promise<Report> {
  const { chain } = session;
  const { signer } = await session.account();
  const [{ bond }, fee] = await Promise.all([
    chain.query(standingQuery, { role: ROLE.partner, key: partner }),
    chain.feeFor(returnBond, { partner }),
  ]);
  for (const line of facts([
    ['bond', formatAmount(bond)],
    ['fee', formatAmount(fee)],
  ]))
    session.note(line);
  if (!(await session.agreed('Free it?')))
    return { json: { returned: false }, lines: ['Nothing was sent, nothing was paid.'] };
  const { id, height } = await chain.send(returnBond, { partner }, signer);
  return {
    json: { returned: true, transaction: id, height, partner, bond, fee },
    lines: [`${formatAmount(bond)} are free again since block ${height}.`],
  };
}
