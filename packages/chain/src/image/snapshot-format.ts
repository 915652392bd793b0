/** What a snapshot says of itself, beside its chunks. */
import { bytes32, type Infer, list, record, text, u64 } from '@palisade/core';

/** Number of this layout of chunks and metadata. */
export const SNAPSHOT_FORMAT = 1;

/** A chunk is handed on when it holds this much, bytes: small enough to fetch again, big enough to
 * be few (CometBFT carries up to 16 MB). */
export const CHUNK_BYTES = 1_048_576;

/** No chunk is bigger: one that is almost full, and the longest value that a store may hold. */
export const MAX_CHUNK_BYTES = 16_000_000;

/** 100 GiB of state; their hashes make 3.2 MB, below the 4 MB of CometBFT's snapshot message. */
export const MAX_CHUNKS = 100_000;

/** Far more than there are modules. */
const MAX_ROOTS = 64;

export const snapshotMetadata = record('SnapshotMetadata', {
  height: u64.is('The block that the state is the result of'),
  timeMs: u64.is('Block time of that block'),
  genesisHash: bytes32,
  chainId: text(50),
  entries: u64.is('Entries of the state'),
  roots: list(record('NamedRoot', { name: text(64), root: bytes32 }), MAX_ROOTS).is(
    'What the app hash is made of',
  ),
  chunks: list(bytes32, MAX_CHUNKS).is('SHA-256 of each chunk'),
});
export type SnapshotMetadata = Infer<typeof snapshotMetadata>;
