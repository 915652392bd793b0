/** One look at a proof: fetched from its miner and checked by what the chain knows. */
import { entryPath, readEntries } from '@palisade/power';
import { fetchProof } from './fetch-proof.ts';
import type { Pool } from './pool.ts';
import { type Addresses, addressOf } from './seal-judge.ts';
import { type NamedProof, standingProof } from './standing-proofs.ts';

/** Tries to fetch a proof: a line may break. */
const TRIES = 3;

/** The entry that shows that a proof does not hold. */
export type FalseEntry = {
  readonly entry: number;
  readonly bytes: Uint8Array;
  readonly path: Uint8Array[];
};

/**
 * `late`: it cannot be judged any more. `withheld`: the miner did not give it, or has not told this
 * validator where it is, as every partner that is active does again and again.
 */
export type Looked = 'holds' | 'withheld' | 'late' | FalseEntry;

export async function lookAtProof(
  pool: Pool,
  addresses: Addresses,
  named: NamedProof,
): Promise<Looked> {
  const standing = standingProof(pool.application.committed, named);
  if (!standing) return 'late';
  const { count, length, faultOf } = standing;
  const url = addressOf(pool, addresses, named.miner);
  const file = url && (await fetchWithTries(url, named.proof, count * length));
  if (!file) return 'withheld';
  const fault = faultOf(file);
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
