import { answer } from '@palisade/chain';
import { MAX_PAGE, query } from '@palisade/chain/schema';
import { address, bytes32, type Infer, list, record, u8, u32, u64 } from '@palisade/core';
import { params, sectorsParams } from './params.ts';
import {
  challenges,
  minerRecord,
  miners,
  partitionRecord,
  partitions,
  preCommitRecord,
  preCommits,
  sectorRecord,
  sectors,
} from './state.ts';

export const sectorsParamsQuery = query({
  name: 'sectors.params',
  doc: 'Sizes, deadlines, deposits and fees of sectors.',
  params: record('SectorsParamsQuery', {}),
  result: sectorsParams,
});

export const sectorMinerQuery = query({
  name: 'sectors.miner',
  doc: 'What a miner has announced, a page at a time, and the next number of a sector.',
  params: record('SectorMinerQuery', { miner: address }),
  result: record('SectorMinerView', {
    miner: minerRecord,
    announced: list(
      record('AnnouncedSector', { number: u64, preCommit: preCommitRecord }),
      MAX_PAGE,
    ).is('The first of them'),
  }),
});

export const sectorView = record('SectorView', { number: u64, sector: sectorRecord });
export const sectorsOfQuery = query({
  name: 'sectors.of',
  doc: 'Sectors of a miner, a page at a time.',
  params: record('SectorsOfQuery', {
    miner: address,
    from: u64.is('Number with which the page begins'),
  }),
  result: record('SectorsOfView', { sectors: list(sectorView, MAX_PAGE) }),
});

export const partitionView = record('PartitionView', {
  deadline: u8,
  partition: u32,
  record: partitionRecord,
});
export type PartitionView = Infer<typeof partitionView>;
/** Partitions of an answer at most: a full one takes some 20 KiB of JSON. */
const MAX_PARTITIONS = 40;
export const partitionsQuery = query({
  name: 'sectors.partitions',
  doc: 'Partitions of a miner at one deadline, and the challenge that was drawn for it last.',
  params: record('PartitionsQuery', { miner: address, deadline: u8 }),
  result: record('PartitionsView', {
    opens: u64.is('Window of the challenge; 0 before the first'),
    seed: bytes32,
    partitions: list(partitionView, MAX_PARTITIONS),
  }),
});

function first<T>(items: Iterable<T>, most: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length === most) break;
    taken.push(item);
  }
  return taken;
}

export const sectorQueries = [
  answer(sectorsParamsQuery, (state) => params.get(state)),
  answer(sectorMinerQuery, (state, { miner }) => {
    const found = miners.get(state, miner);
    if (!found) return undefined;
    const announced = first(preCommits.list(state, miner), MAX_PAGE);
    return {
      miner: found,
      announced: announced.map(([[, number], preCommit]) => ({ number, preCommit })),
    };
  }),
  answer(sectorsOfQuery, (state, { miner, from }) => {
    const all =
      from === 0n
        ? sectors.list(state, miner)
        : sectors.listAfter(state, [miner, from - 1n], miner);
    return {
      sectors: first(all, MAX_PAGE).map(([[, number], sector]) => ({ number, sector })),
    };
  }),
  answer(partitionsQuery, (state, { miner, deadline }) => {
    const drawn = challenges.get(state, BigInt(deadline));
    const found = first(partitions.list(state, BigInt(deadline), miner), MAX_PARTITIONS);
    return {
      opens: drawn?.opens ?? 0n,
      seed: drawn?.seed ?? new Uint8Array(32),
      partitions: found.map(([[, , index], value]) => ({
        deadline,
        partition: Number(index),
        record: value,
      })),
    };
  }),
];
