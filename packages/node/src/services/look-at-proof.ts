/** One look at a window proof: fetched from its miner and checked by what the chain knows. */
import { equalBytes, type KeyValueReader } from '@palisade/core';
import {
  challengesOfWindows,
  entryPath,
  faultOfWindowProof,
  type Partition,
  partitions,
  readEntries,
  sectors,
  sectorsParameters,
  windowEntryBytes,
  windowEntryCount,
} from '@palisade/power';
import { fetchProof } from './fetch-proof.ts';
import type { Pool } from './pool.ts';
import { type Addresses, addressOf } from './seal-judge.ts';

/** Tries to fetch a proof: a line may break. */
const TRIES = 3;

/** A window proof as a block names it. */
export type NamedProof = {
  readonly miner: Uint8Array;
  readonly deadline: number;
  readonly partition: number;
  readonly proof: Uint8Array;
};

/** The entry that shows that a proof does not hold. */
export type FalseEntry = {
  readonly entry: number;
  readonly bytes: Uint8Array;
  readonly path: Uint8Array[];
};

/** `late`: it cannot be judged any more; `no-address`: nobody knows where its miner is. */
export type Looked = 'holds' | 'withheld' | 'late' | 'no-address' | FalseEntry;

/** The partition, while the proof stands. */
export function standingPartition(
  committed: KeyValueReader,
  { miner, deadline, partition, proof }: NamedProof,
): Partition | undefined {
  const record = partitions.get(committed, BigInt(deadline), miner, BigInt(partition));
  return record && equalBytes(record.proof, proof) ? record : undefined;
}

export async function lookAtProof(
  pool: Pool,
  addresses: Addresses,
  named: NamedProof,
): Promise<Looked> {
  const { committed } = pool.application;
  const { miner, deadline, partition, proof } = named;
  const url = addressOf(pool, addresses, miner);
  if (!url) return 'no-address';
  const record = standingPartition(committed, named);
  const drawn = challengesOfWindows.get(committed, BigInt(deadline));
  if (!record || drawn?.opens !== record.opens) return 'late';
  const known = record.proven.map((number) => ({
    number,
    replica: sectors.need(committed, miner, number).replica,
  }));
  const { sectorBytes, windowLeaves } = sectorsParameters.need(committed);
  const count = windowEntryCount(sectorBytes, known.length, windowLeaves);
  const length = windowEntryBytes(sectorBytes);
  const file = await fetchWithTries(url, proof, count * length);
  if (!file) return 'withheld';
  const place = { miner, deadline, partition, ...drawn };
  const fault = faultOfWindowProof(place, sectorBytes, known, windowLeaves, proof, file);
  if (!fault) return 'holds';
  const entries = readEntries(file, count, length);
  // A file of another length or id is not the one that was named: as good as none.
  if (fault.entry === undefined || !entries) return 'withheld';
  const { entry } = fault;
  return { entry, bytes: entries[entry]!.slice(), path: entryPath(entries, entry) };
}

async function fetchWithTries(url: string, proof: Uint8Array, length: number) {
  for (let tries = 0; tries < TRIES; tries++) {
    const file = await fetchProof(url, proof, length);
    if (file) return file;
  }
  return undefined;
}
