/**
 * Restoring a replica from a snapshot of another. Chunks go to the store as they come; what makes
 * the replica one that has a height is written last, once everything that was promised was found:
 * the roots that the app hash is made of, and the full root. Until then a crash leaves a replica
 * without height, whose leftovers the next beginning removes.
 */
import { decode, equalBytes, type KeyValueStore, PalisadeError, type Write } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import {
  type ApplySnapshotChunkResponse,
  MerkleAccumulator,
  type OfferSnapshotRequest,
  type OfferSnapshotResponse,
  type Snapshot,
  storesRoot,
} from '@palisade/formats';
import {
  committed,
  FULL_STORE,
  LOG_STORE,
  loadRoots,
  namedRoots,
  type Roots,
} from '../application/roots.ts';
import { writeOf } from '../state/write-of.ts';
import { BEYOND_KEYS, isStateKey, LEAST_KEY, splitChunk } from './entries.ts';
import {
  MAX_CHUNK_BYTES,
  SNAPSHOT_FORMAT,
  type SnapshotMetadata,
  snapshotMetadata,
} from './snapshot-format.ts';
import { progressWrite } from './state-image.ts';

/** Keys removed in one commit: some megabytes of memory, and a moment of the disk. */
const WIPE_BATCH = 10_000;

/** Removes everything: for stores that hold no height. */
export async function wipe(store: KeyValueStore): Promise<void> {
  for (;;) {
    const batch: Write[] = [];
    for (const [key] of store.range(LEAST_KEY, BEYOND_KEYS)) {
      batch.push([key, undefined]);
      if (batch.length === WIPE_BATCH) break;
    }
    if (batch.length === 0) return;
    await store.commit(batch);
  }
}

/** What a replica must know to judge an offer. */
export type Restorable = {
  readonly store: KeyValueStore;
  readonly genesisHash: Uint8Array;
  readonly provenStores: readonly string[];
};

/** What a chunk led to; `roots` once the replica is restored. */
export type Restored = { readonly response: ApplySnapshotChunkResponse; readonly roots?: Roots };

export class Restoration {
  private readonly replica: Restorable;
  private readonly snapshot: Snapshot;
  private readonly metadata: SnapshotMetadata;
  private readonly appHash: Uint8Array;
  private readonly tree = new MerkleAccumulator();
  private next = 0;
  private lastKey = '';

  private constructor(
    replica: Restorable,
    { snapshot, appHash }: OfferSnapshotRequest,
    metadata: SnapshotMetadata,
  ) {
    this.replica = replica;
    this.snapshot = snapshot;
    this.metadata = metadata;
    this.appHash = appHash;
  }

  /** A restoration, where the offer is one of this chain and fits the app hash; else why not. */
  static async offer(
    replica: Restorable,
    request: OfferSnapshotRequest,
  ): Promise<Restoration | Exclude<OfferSnapshotResponse['result'], 'accept'>> {
    if (committed.get(replica.store)) return 'abort';
    if (request.snapshot.format !== SNAPSHOT_FORMAT) return 'reject-format';
    const metadata = parsed(request.snapshot.metadata);
    if (!metadata || !isConsistent(replica, request, metadata)) return 'reject';
    await wipe(replica.store);
    return new Restoration(replica, request, metadata);
  }

  async apply(index: number, chunk: Uint8Array, sender: string): Promise<Restored> {
    if (index !== this.next) return answered('abort');
    const { chunks } = this.metadata;
    const hash = chunk.length <= MAX_CHUNK_BYTES ? sha256(chunk) : NO_HASH;
    if (!equalBytes(hash, chunks[index]!))
      return answered('retry', { refetchChunks: [index], rejectSenders: [sender] });
    const writes = this.take(chunk);
    if (!writes) return this.refuse();
    await this.replica.store.commit(writes);
    this.next++;
    return this.next === chunks.length ? this.complete() : answered('accept');
  }

  /** The chunk's entries; undefined when they are not what a pass in key order makes. */
  private take(chunk: Uint8Array): Write[] | undefined {
    const entries = splitChunk(chunk);
    if (!entries) return undefined;
    for (const [[key], bytes] of entries) {
      if (key <= this.lastKey || !isStateKey(key)) return undefined;
      this.lastKey = key;
      this.tree.add(bytes);
    }
    return entries.map(([entry]) => entry);
  }

  private async complete(): Promise<Restored> {
    const { metadata, snapshot, appHash } = this;
    const { store, provenStores } = this.replica;
    const named = new Map(metadata.roots.map(({ name, root }) => [name, root]));
    const kept = { logRoot: named.get(LOG_STORE)!, fullRoot: named.get(FULL_STORE)! };
    const roots = loadRoots(store, provenStores, kept);
    const isPromised =
      equalBytes(storesRoot(namedRoots(roots)), appHash) &&
      equalBytes(this.tree.root(), snapshot.hash) &&
      BigInt(this.tree.count) === metadata.entries;
    if (!isPromised) return this.refuse();
    const { height, timeMs, genesisHash, chainId, entries } = metadata;
    const { count, peaks } = this.tree.save();
    await store.commit([
      writeOf(committed, [], { height, timeMs, ...kept, appHash, genesisHash, chainId }),
      progressWrite({
        ...{ height, startMs: timeMs, deadlineMs: timeMs, estimate: entries },
        ...{ cursor: new Uint8Array(0), done: 1, count: BigInt(count), peaks: [...peaks] },
      }),
    ]);
    return { ...answered('accept'), roots };
  }

  private async refuse(): Promise<Restored> {
    await wipe(this.replica.store);
    return answered('reject-snapshot');
  }
}

const NO_HASH = new Uint8Array(0);

function answered(
  result: ApplySnapshotChunkResponse['result'],
  more: Partial<ApplySnapshotChunkResponse> = {},
): Restored {
  return { response: { result, refetchChunks: [], rejectSenders: [], ...more } };
}

function parsed(bytes: Uint8Array): SnapshotMetadata | undefined {
  try {
    return decode(snapshotMetadata, bytes);
  } catch (error) {
    if (error instanceof PalisadeError) return undefined;
    throw error;
  }
}

function isConsistent(
  { genesisHash, provenStores }: Restorable,
  { snapshot, appHash }: OfferSnapshotRequest,
  metadata: SnapshotMetadata,
): boolean {
  const names = metadata.roots.map(({ name }) => name);
  const wanted = [...provenStores, LOG_STORE, FULL_STORE];
  return (
    metadata.height === snapshot.height &&
    metadata.chunks.length === snapshot.chunks &&
    snapshot.chunks > 0 &&
    equalBytes(metadata.genesisHash, genesisHash) &&
    names.length === wanted.length &&
    wanted.every((name) => names.includes(name)) &&
    equalBytes(storesRoot(new Map(metadata.roots.map(({ name, root }) => [name, root]))), appHash)
  );
}
