/**
 * Looking at proofs: fetched from their miners and checked by what the chain knows. One desk for all
 * validators of a process: what one of them has seen to hold, the others need not fetch.
 */
import { nodeKeys } from '@palisade/chain';
import { toHex } from '@palisade/core';
import { entryPath, readEntries } from '@palisade/power';
import { fetchProof } from './fetch-proof.ts';
import type { Pool } from './pool.ts';
import { type NamedProof, type StandingProof, standingProof } from './standing-proofs.ts';

/** Tries to fetch a proof: a line may break. */
const TRIES = 3;
/** Addresses of miners that are remembered, the latest. */
const MAX_ADDRESSES = 10_000;
/** Looks that are remembered, the latest: those of the blocks that validators are at. */
const MAX_LOOKS = 1024;

/** The entry that shows that a proof does not hold. */
export type FalseEntry = {
  readonly entry: number;
  readonly bytes: Uint8Array;
  readonly path: Uint8Array[];
};

/**
 * `late`: it cannot be judged any more. `withheld`: the miner did not give it, or has not told this
 * process where it is, as every partner that is active does again and again.
 */
export type Looked = 'holds' | 'withheld' | 'late' | FalseEntry;

export class ProofDesk {
  private readonly pool: Pick<Pool, 'application' | 'board' | 'nowMs'>;
  /** Where miners serve their proofs, by their own signed word; by account. */
  private readonly addresses = new Map<string, string>();
  /** Looks that go on, and those that found that a proof holds, by what verdicts on it are about. */
  private readonly looks = new Map<string, Promise<Looked>>();

  constructor(pool: Pick<Pool, 'application' | 'board' | 'nowMs'>) {
    this.pool = pool;
  }

  rememberAddress(miner: Uint8Array, url: string): void {
    remember(this.addresses, toHex(miner), url, MAX_ADDRESSES);
  }

  /** Somebody of this process has seen that a proof holds; `subject` is what verdicts on it are about. */
  noteHolds(subject: Uint8Array): void {
    remember(this.looks, toHex(subject), Promise.resolve('holds' as const), MAX_LOOKS);
  }

  async look(named: NamedProof): Promise<Looked> {
    const standing = standingProof(this.pool.application.committed, named);
    if (!standing) return 'late';
    const key = toHex(standing.subject);
    const known = this.looks.get(key);
    if (known) return known;
    const looking = this.lookAt(named, standing);
    remember(this.looks, key, looking, MAX_LOOKS);
    // Somebody else may have seen it hold meanwhile.
    const forget = () => this.looks.get(key) === looking && this.looks.delete(key);
    // What does not hold now may hold later, and what fails on this side says nothing.
    looking.then((looked) => looked !== 'holds' && forget(), forget);
    return looking;
  }

  private async lookAt(named: NamedProof, standing: StandingProof): Promise<Looked> {
    const { count, length, faultOf } = standing;
    const url = this.addressOf(named.miner);
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

  /** By the miner's own word to a validator, or by the READY of a machine of its. */
  private addressOf(miner: Uint8Array): string | undefined {
    const key = toHex(miner);
    const known = this.addresses.get(key);
    if (known) return known;
    const { application, board, nowMs } = this.pool;
    const entry = board.list(nowMs()).find(({ nodeKey }) => {
      const binding = nodeKeys.get(application.committed, nodeKey);
      return binding !== undefined && toHex(binding.account) === key;
    });
    return entry?.value.url;
  }
}

/** Puts an entry behind all others, and drops the first beyond `most`. */
function remember<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value!);
}

async function fetchWithTries(url: string, proof: Uint8Array, length: number) {
  for (let tries = 0; tries < TRIES; tries++) {
    const file = await fetchProof(url, proof, length);
    if (file) return file;
  }
  return undefined;
}
