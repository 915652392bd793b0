/** What the chain says of a miner, read anew whenever something is decided. */
import { PalisadeError } from '@palisade/core';
import {
  type PartitionView,
  type PreCommit,
  partitionsQuery,
  type Sector,
  type SectorsParams,
  sectorMinerQuery,
  sectorsOfQuery,
  sectorsParamsQuery,
} from '@palisade/power/schema';
import type { Network } from '../network.ts';

export type ChainSectors = {
  /** Next number that the chain takes. */
  readonly next: bigint;
  readonly announced: ReadonlyMap<bigint, PreCommit>;
  /** Those that live. */
  readonly sectors: ReadonlyMap<bigint, Sector>;
};

export async function readParams(network: Network): Promise<SectorsParams> {
  const params = await network.find(sectorsParamsQuery, {});
  if (params) return params;
  throw new PalisadeError({
    code: 'partner/no-sectors',
    message: 'This chain knows no sectors, so there is nothing to mine.',
    next: 'Set mining.sectors to 0, or ask for a validator of another release.',
  });
}

export async function readSectors(network: Network, miner: Uint8Array): Promise<ChainSectors> {
  const view = await network.find(sectorMinerQuery, { miner });
  const sectors = new Map<bigint, Sector>();
  for (let from = 0n; view; ) {
    const page = (await network.find(sectorsOfQuery, { miner, from }))?.sectors ?? [];
    for (const { number, sector } of page) if (sector.ended === 0n) sectors.set(number, sector);
    const last = page.at(-1);
    if (!last) break;
    from = last.number + 1n;
  }
  return {
    next: view?.miner.next ?? 0n,
    announced: new Map(view?.announced.map(({ number, preCommit }) => [number, preCommit])),
    sectors,
  };
}

export type OpenPartitions = {
  /** Window that the challenge is for. */
  readonly opens: bigint;
  readonly seed: Uint8Array;
  readonly partitions: readonly PartitionView[];
};

export async function readPartitions(
  network: Network,
  miner: Uint8Array,
  deadline: number,
): Promise<OpenPartitions> {
  const found = await network.find(partitionsQuery, { miner, deadline });
  return found ?? { opens: 0n, seed: new Uint8Array(32), partitions: [] };
}
