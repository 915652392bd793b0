/** `palisade miner`: sectors that are sealed and proven, on the chain and on the disk. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { allPages, type ChainClient } from '@palisade/client';
import { PalisadeError, toHex } from '@palisade/core';
import {
  claimQuery,
  MEMBER,
  type PartitionView,
  partitionsQuery,
  type Sector,
  sectorMinerQuery,
  sectorsOfQuery,
  sectorsParamsQuery,
  windowAt,
} from '@palisade/power/schema';
import {
  accountLeaf,
  branch,
  type Context,
  execute,
  networkLeaf,
  type Report,
} from '../command.ts';
import type { Session } from '../session/session.ts';
import { countOf, formatAmount, formatSize, parseCount } from '../terminal/amounts.ts';
import { parseAddress } from '../terminal/ids.ts';
import { facts, table } from '../terminal/table.ts';

const right = 'right' as const;
const MINER = '0x7605f485e542bd304b0f379f68e7014063c66d06';

export function minerCommand(context: Context) {
  return branch('miner', 'Seal sectors, and see what of them is proven')
    .addCommand(sealCommand(context))
    .addCommand(sectorsCommand(context))
    .addCommand(statusCommand(context));
}

function sealCommand(context: Context) {
  return networkLeaf(
    'seal',
    'Order further sectors of a partner of this machine: it seals and proves them by itself',
    'palisade miner seal 4 --dir /var/lib/palisade/partner',
  )
    .argument('<count>', 'how many more', parseCount(1, 32_768))
    .requiredOption('--dir <folder>', "the partner's data folder")
    .action((count, { dir, ...options }) =>
      execute(context, options, (session) => seal(session, count, resolve(dir))),
    );
}

async function seal({ chain, world }: Session, count: number, dataDir: string): Promise<Report> {
  if (!existsSync(join(dataDir, 'chain.json')))
    throw new PalisadeError({
      code: 'cli/not-a-partner',
      message: `${dataDir} is not the data folder of a partner.`,
      next: 'Start the partner once, so that it makes its folder: palisade partner',
    });
  const params = await chain.query(sectorsParamsQuery, {});
  const { orderSectors, sectorsOnDisk } = await import('@palisade/partner');
  const has = await sectorsOnDisk(dataDir);
  const free = await world.freeBytes?.(dataDir);
  const sectors = await orderSectors({ dataDir, count, has, params, free });
  const room = count * params.sectorBytes;
  return {
    json: { ordered: count, sectors, bytes: room },
    lines: [
      `${countOf(count, 'sector')} of ${formatSize(params.sectorBytes)} ordered; it will have ${sectors}.`,
      'The partner begins within moments, or when it is started. Follow it with: palisade miner sectors ACCOUNT',
    ],
  };
}

type SectorLine = { readonly number: bigint; readonly sector: Sector };
type Row = {
  readonly number: bigint;
  readonly state: string;
  readonly sector: Sector | undefined;
};

const STATES = new Map<number, string>([
  [MEMBER.unproven, 'waits for its first window'],
  [MEMBER.active, 'active'],
  [MEMBER.faulty, 'faulty'],
  [MEMBER.recovering, 'recovering'],
]);

/** What the chain says of a miner's sectors, announced ones last. */
async function readSectors(chain: ChainClient, miner: Uint8Array): Promise<readonly Row[]> {
  const view = await chain.find(sectorMinerQuery, { miner });
  if (!view) return [];
  const { deadlines } = await chain.query(sectorsParamsQuery, {});
  const states = new Map<bigint, number>();
  for (let deadline = 0; deadline < deadlines; deadline++)
    for (const { number, state } of await membersAt(chain, miner, deadline))
      states.set(number, state);
  const sectors = await allPages(async (last: SectorLine | undefined) => {
    const from = last ? last.number + 1n : 0n;
    return (await chain.query(sectorsOfQuery, { miner, from })).sectors;
  });
  const rows: Row[] = sectors.map(({ number, sector }) => {
    const state = STATES.get(states.get(number) ?? -1) ?? 'ended';
    return { number, state: sector.ended > 0n ? 'ended' : state, sector };
  });
  const announced = view.announced.map(({ number }) => {
    return { number, state: 'announced, not proven yet', sector: undefined };
  });
  return [...rows, ...announced];
}

async function membersAt(chain: ChainClient, miner: Uint8Array, deadline: number) {
  const found = await chain.find(partitionsQuery, { miner, deadline });
  const partitions: readonly PartitionView[] = found?.partitions ?? [];
  return partitions.flatMap(({ record }) => record.members);
}

function sectorsCommand(context: Context) {
  return accountLeaf('sectors', 'List the sectors of a miner', `palisade miner sectors ${MINER}`)
    .argument('[miner]', 'its account; yours, unless given', parseAddress)
    .action((miner, options) =>
      execute(context, options, async (session) => {
        const who = miner ?? (await session.account()).signer.id;
        const rows = await readSectors(session.chain, who);
        const columns = [
          { title: 'sector', align: right },
          { title: 'is' },
          { title: 'deadline', align: right },
          { title: 'until block', align: right },
          { title: 'pledge', align: right },
          { title: 'replica' },
        ];
        const cells = rows.map(({ number, state, sector }) => [
          `${number}`,
          state,
          sector ? `${sector.deadline}` : '',
          sector ? `${sector.expires}` : '',
          sector ? formatAmount(sector.pledge) : '',
          sector ? toHex(sector.replica).slice(0, 14) : '',
        ]);
        return {
          json: { miner: who, sectors: rows.map(({ sector, ...row }) => ({ ...row, ...sector })) },
          lines:
            rows.length > 0 ? table(columns, cells, session.paint.bold) : ['It has no sectors.'],
        };
      }),
    );
}

function statusCommand(context: Context) {
  return accountLeaf(
    'status',
    'Show what a miner has: power, sectors by state, its next window',
    `palisade miner status ${MINER}`,
  )
    .argument('[miner]', 'its account; yours, unless given', parseAddress)
    .action((miner, options) =>
      execute(context, options, async (session) => {
        const who = miner ?? (await session.account()).signer.id;
        return status(session.chain, who);
      }),
    );
}

async function status(chain: ChainClient, miner: Uint8Array): Promise<Report> {
  const [found, rows, params, { height }] = await Promise.all([
    chain.find(claimQuery, { miner }),
    readSectors(chain, miner),
    chain.query(sectorsParamsQuery, {}),
    chain.status(),
  ]);
  if (!found)
    throw new PalisadeError({
      code: 'cli/not-a-miner',
      message: `${toHex(miner)} is not registered as a miner.`,
      next: 'A partner with mining.sectors in its settings registers by itself. Who did: palisade events power.miner-created --from 1 --json',
    });
  const counts: Record<string, number> = {};
  for (const { state } of rows) counts[state] = (counts[state] ?? 0) + 1;
  const deadlines = new Set(rows.flatMap(({ sector }) => (sector ? [sector.deadline] : [])));
  const window = windowAt(params, height + 1n);
  const { raw, entries } = found.claim;
  return {
    json: {
      miner,
      raw,
      free: found.free,
      entries: entries.length,
      sectors: counts,
      height,
      window,
    },
    lines: facts([
      ['miner', toHex(miner)],
      ['power', `${formatSize(raw)} proven, ${formatSize(found.free)} of it free to lend`],
      ...Object.entries(counts).map(([state, count]) => [state, countOf(count, 'sector')] as const),
      [
        'window',
        `deadline ${window.deadline} until block ${window.closes}${deadlines.has(window.deadline) ? ', asks for some of them' : ''}`,
      ],
    ]),
  };
}
