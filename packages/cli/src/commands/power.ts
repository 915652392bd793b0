/** `palisade power`: what is proven, who lends how much of it to whom; lending by hand. */

import { toHex } from '@palisade/core';
import { claimQuery, delegate, undelegate } from '@palisade/power/schema';
import { accountLeaf, branch, type Context, execute, type Report } from '../command.ts';
import type { PowerView } from '../session/power-view.ts';
import { readPower } from '../session/power-view.ts';
import type { Session } from '../session/session.ts';
import { formatAmount, formatSize, parseSize } from '../terminal/amounts.ts';
import { parseAddress, parseNodeKey } from '../terminal/ids.ts';
import { facts, table } from '../terminal/table.ts';

const right = 'right' as const;
const COLLATOR = '0x9f0c4c3a1b1de2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9eafb0c1d2e3f4a5b';

export function powerCommand(context: Context) {
  return branch('power', 'Lend proven storage to collators, who win seats by it')
    .addCommand(showCommand(context))
    .addCommand(lendCommand(context, 'delegate'))
    .addCommand(lendCommand(context, 'undelegate'));
}

function showCommand(context: Context) {
  return accountLeaf(
    'show',
    'Show who has how much power, and what of it counts in the running session',
    'palisade power show',
  )
    .argument(
      '[miner]',
      'account of a miner: what it lends; all collators, unless given',
      parseAddress,
    )
    .action((miner, options) =>
      execute(context, options, (session) =>
        miner ? showMiner(session, miner) : showAll(session),
      ),
    );
}

async function showAll({ chain, paint }: Session): Promise<Report> {
  const { totals, session, collators } = await readPower(chain);
  const rows = collators.map(({ nodeKey, collator, snapshot }) => [
    collator.name || '-',
    formatSize(snapshot.power),
    formatSize(collator.power),
    formatAmount(collator.bond),
    `${collator.commissionPpm / 10_000} %`,
    toHex(nodeKey),
  ]);
  const columns = [
    { title: 'collator' },
    { title: `counts in session ${session}`, align: right },
    { title: 'lent now', align: right },
    { title: 'bond', align: right },
    { title: 'keeps', align: right },
    { title: 'node key' },
  ];
  return {
    json: { session, totals, collators: collators.map(plain) },
    lines: [
      `${formatSize(totals.raw)} are proven by ${totals.miners} miners; ${totals.collators} collators are registered.`,
      ...(rows.length > 0 ? table(columns, rows, paint.bold) : []),
    ],
  };
}

const plain = ({ nodeKey, collator, snapshot }: PowerView['collators'][number]) => ({
  nodeKey,
  ...collator,
  snapshot,
});

const KINDS = ['lent', 'unbonding', 'quarantined'] as const;

async function showMiner({ chain, paint }: Session, miner: Uint8Array): Promise<Report> {
  const { claim, free } = await chain.query(claimQuery, { miner });
  const rows = claim.entries.map(({ collator, kind, until, amount }) => [
    KINDS[kind] ?? `${kind}`,
    formatSize(amount),
    until > 0n ? `until session ${until}` : '',
    toHex(collator),
  ]);
  const columns = [
    { title: 'is' },
    { title: 'power', align: right },
    { title: '' },
    { title: 'collator' },
  ];
  return {
    json: { miner, raw: claim.raw, free, entries: claim.entries },
    lines: [
      ...facts([
        ['miner', toHex(miner)],
        ['proven', formatSize(claim.raw)],
        ['free', formatSize(free)],
      ]),
      ...(rows.length > 0 ? table(columns, rows, paint.bold) : []),
    ],
  };
}

const WORDS = {
  delegate: {
    declaration: delegate,
    about: 'Lend power to a collator; the next session sees it',
    question: 'Lend it?',
    done: 'lent',
  },
  undelegate: {
    declaration: undelegate,
    about: 'Take power back; it is free after the unbonding time',
    question: 'Take it back?',
    done: 'taken back',
  },
} as const;

function lendCommand(context: Context, name: keyof typeof WORDS) {
  return accountLeaf(name, WORDS[name].about, `palisade power ${name} ${COLLATOR} 1GiB`)
    .argument('<collator>', 'its node key', parseNodeKey)
    .argument('<amount>', 'power, as 64KiB, 1GiB', parseSize)
    .option('-y, --yes', 'do not ask before paying')
    .action((collator, amount, options) =>
      execute(context, options, (session) => lend(session, name, collator, BigInt(amount))),
    );
}

async function lend(
  session: Session,
  name: keyof typeof WORDS,
  collator: Uint8Array,
  amount: bigint,
): Promise<Report> {
  const { declaration, question, done } = WORDS[name];
  const { signer } = await session.account();
  const fields = { collator, amount };
  const fee = await session.chain.feeFor(declaration, fields);
  for (const line of facts([
    ['collator', toHex(collator)],
    ['power', formatSize(amount)],
    ['fee', formatAmount(fee)],
  ]))
    session.note(line);
  if (!(await session.agreed(question)))
    return { json: { sent: false }, lines: ['Nothing was sent, nothing was paid.'] };
  const { id, height } = await session.chain.send(declaration, fields, signer);
  return {
    json: { sent: true, transaction: id, height, collator, amount, fee },
    lines: [
      `${formatSize(amount)} are ${done} since block ${height}; the next session goes by it.`,
    ],
  };
}
