/** `palisade collator`: candidates for the seats that are drawn. */

import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { bindNodeKey, nodeKeyConsent, nodeKeyQuery } from '@palisade/chain/schema';
import { digestOf, PalisadeError, type Signer, toHex } from '@palisade/core';
import {
  addBond,
  collatorQuery,
  leaveCollators,
  powerParamsQuery,
  registerCollator,
  rootKeyConsent,
} from '@palisade/power/schema';
import { accountLeaf, branch, type Context, execute, type Report } from '../command.ts';
import { unlockKey } from '../session/machine.ts';
import type { Session } from '../session/session.ts';
import { formatAmount, parseAmount } from '../terminal/amounts.ts';
import { parseNodeKey } from '../terminal/ids.ts';
import { facts } from '../terminal/table.ts';

const COLLATOR = '0x9f0c4c3a1b1de2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9eafb0c1d2e3f4a5b';

export function collatorCommand(context: Context) {
  return branch('collator', 'Stand for the seats of validators that are drawn by lent power')
    .addCommand(registerCommand(context))
    .addCommand(bondCommand(context))
    .addCommand(leaveCommand(context));
}

/** Parts per million of `10%`, `2.5`. */
function parsePercent(text: string): number {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,4})?)\s*%?$/.exec(text) ?? [];
  const ppm = Math.round(Number(digits) * 10_000);
  if (digits === undefined || ppm > 1_000_000)
    throw new InvalidArgumentError('write it as 10% or 2.5%');
  return ppm;
}

function registerCommand(context: Context) {
  return accountLeaf(
    'register',
    'Put up a bond for a validator of yours: power that is lent to it can win it a seat',
    'palisade collator register --node-key validator --name north',
  )
    .requiredOption('--node-key <name>', "name of the validator's machine key in the keystore")
    .option(
      '--root-key <name>',
      'name of its account key on the root chain; the account itself unless given',
    )
    .option('--name <text>', 'name for people; that of the machine key unless given')
    .option('--bond <amount>', 'in PAL; the least that is asked for unless given', parseAmount)
    .addOption(
      new Option('--commission <percent>', 'what it keeps of what its backers earn')
        .argParser(parsePercent)
        .default(100_000, '10%'),
    )
    .option('-y, --yes', 'do not ask before paying')
    .action((options) => execute(context, options, (session) => register(session, options)));
}

type Registration = {
  readonly nodeKey: string;
  readonly rootKey?: string | undefined;
  readonly name?: string | undefined;
  readonly bond?: bigint | undefined;
  readonly commission: number;
};

async function register(session: Session, options: Registration): Promise<Report> {
  const { chain } = session;
  const { signer } = await session.account();
  const machine = await unlockKey(session, options.nodeKey, 'node');
  const root = options.rootKey ? await unlockKey(session, options.rootKey, 'account') : signer;
  const nodeKey = machine.id;
  const [domain, { candidacyBond }] = await Promise.all([
    chain.domain(),
    chain.query(powerParamsQuery, {}),
  ]);
  const bond = options.bond ?? candidacyBond;
  for (const line of facts([
    ['node key', toHex(nodeKey)],
    ['root chain key', toHex(root.id)],
    ['bond', formatAmount(bond)],
    ['keeps', `${options.commission / 10_000} %`],
  ]))
    session.note(line);
  if (!(await session.agreed('Register it?')))
    return { json: { sent: false }, lines: ['Nothing was sent, nothing was paid.'] };
  await ensureBound(session, machine, signer, options.nodeKey);
  const consent = await root.sign(digestOf(rootKeyConsent, { nodeKey }, domain));
  const name = options.name ?? options.nodeKey;
  const fields = {
    nodeKey,
    rootKey: root.id,
    consent,
    name,
    bond,
    commissionPpm: options.commission,
  };
  const { id, height } = await chain.send(registerCollator, fields, signer);
  return {
    json: { sent: true, transaction: id, height, nodeKey, rootKey: root.id, bond },
    lines: [
      `Registered in block ${height}. It can be drawn when a miner lends it power:`,
      `  palisade power delegate ${toHex(nodeKey)} AMOUNT`,
    ],
  };
}

/** A collator's machine acts for its account. @throws PalisadeError `cli/key-of-another`, `cli/key-revoked` */
async function ensureBound(
  { chain }: Session,
  machine: Signer,
  account: Signer,
  label: string,
): Promise<void> {
  const bound = await chain.find(nodeKeyQuery, { nodeKey: machine.id });
  if (bound?.revoked === 1)
    throw new PalisadeError({
      code: 'cli/key-revoked',
      message: `The node key ${toHex(machine.id)} was revoked: it can never act again.`,
      next: 'Make another: palisade keys new NAME --node',
    });
  if (bound && toHex(bound.account) !== toHex(account.id))
    throw new PalisadeError({
      code: 'cli/key-of-another',
      message: `The node key ${toHex(machine.id)} acts for ${toHex(bound.account)}, not for ${toHex(account.id)}.`,
      next: 'Register with that account, or make another node key: palisade keys new NAME --node',
    });
  if (bound) return;
  const domain = await chain.domain();
  const consent = await machine.sign(digestOf(nodeKeyConsent, { account: account.id }, domain));
  await chain.send(bindNodeKey, { nodeKey: machine.id, label, consent }, account);
}

function bondCommand(context: Context) {
  return accountLeaf('bond', "Add to a collator's bond", `palisade collator bond ${COLLATOR} 5`)
    .argument('<collator>', 'its node key', parseNodeKey)
    .argument('<amount>', 'in PAL', parseAmount)
    .option('-y, --yes', 'do not ask before paying')
    .action((collator, amount, options) =>
      execute(context, options, async (session) => {
        const { signer } = await session.account();
        session.note(
          `${formatAmount(amount)} more will be held; they are free again some time after it has left.`,
        );
        if (!(await session.agreed('Add it?')))
          return { json: { sent: false }, lines: ['Nothing was sent, nothing was paid.'] };
        const { id, height } = await session.chain.send(addBond, { collator, amount }, signer);
        return {
          json: { sent: true, transaction: id, height, collator, amount },
          lines: [`${formatAmount(amount)} were added in block ${height}.`],
        };
      }),
    );
}

function leaveCommand(context: Context) {
  return accountLeaf(
    'leave',
    'End a candidacy: what was lent is free at once, the bond after the unbonding time',
    `palisade collator leave ${COLLATOR}`,
  )
    .argument('<collator>', 'its node key', parseNodeKey)
    .option('-y, --yes', 'do not ask')
    .action((collator, options) =>
      execute(context, options, async (session) => {
        const { chain } = session;
        const { signer } = await session.account();
        const known = await chain.find(collatorQuery, { nodeKey: collator });
        const { unbondingSessions } = await chain.query(powerParamsQuery, {});
        const bond = formatAmount(known?.collator.bond ?? 0n);
        session.note(`Its bond of ${bond} is free ${unbondingSessions} sessions later.`);
        if (!(await session.agreed('Leave?')))
          return { json: { sent: false }, lines: ['Nothing was sent, nothing was paid.'] };
        const { id, height } = await chain.send(leaveCollators, { collator }, signer);
        return {
          json: { sent: true, transaction: id, height, collator, unbondingSessions },
          lines: [
            `It left in block ${height}; a seat that it has is its own until the session ends.`,
          ],
        };
      }),
    );
}
