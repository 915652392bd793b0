/** What is remembered of payout files on their way to partners, all by the session that they are of. */
import { bytesKey, collection, u64Key } from '@palisade/chain';
import { bytes32, type Infer, type KeyValueReader, list, record, u8, u64 } from '@palisade/core';
import { params } from '../params.ts';
import { type ArchiveParams, MAX_COPIES } from './params.ts';

export const archiveRecord = record('Archive', {
  job: bytes32.is('Under which partners keep the file'),
  moved: u8.is('1 when enough of them have proven it: validators let go of the rows'),
  called: list(bytes32, MAX_COPIES).is('Partners that may start on it, as last drawn'),
});
export type Archive = Infer<typeof archiveRecord>;

export const archives = collection({
  store: 'market',
  name: 'archive',
  key: [u64Key],
  value: archiveRecord,
});

/** The session whose file a job of the archive is about; forgotten with the job's end. */
export const archivedSession = collection({
  store: 'market',
  name: 'archived-session',
  key: [bytesKey(32)],
  value: u64,
});

/** Closed files that have rows and no job yet, oldest first. */
export const archiveWaiting = collection({
  store: 'market',
  name: 'archive-waiting',
  key: [u64Key],
  value: u8,
});

/** Files of whose job a place is free: with the next randomness partners are drawn for them. */
export const archiveVacant = collection({
  store: 'market',
  name: 'archive-vacant',
  key: [u64Key],
  value: u8,
});

/** Draws by partner, so that each finds its own without looking at everybody's. */
export const archiveCalls = collection({
  store: 'market',
  name: 'archive-call',
  key: [bytesKey(32), u64Key],
  value: u8,
});

/** Files whose rows validators are letting go of, some in every block. */
export const rowsToDrop = collection({
  store: 'market',
  name: 'rows-to-drop',
  key: [u64Key],
  value: u8,
});

export function archiveParamsOf(state: KeyValueReader): ArchiveParams {
  return params.need(state).archive;
}

/** Whether validators have let go of a payout file, or are about to: partners keep it. */
export function isMoved(state: KeyValueReader, session: bigint): boolean {
  return archives.get(state, session)?.moved === 1;
}
