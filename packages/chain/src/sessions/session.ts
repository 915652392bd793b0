/**
 * Sessions are the pay periods. One ends at the first block whose time reaches its length, and the
 * next begins with that block's time: sessions are counted as they happen, so that nobody is paid
 * for, or found missing in, hours in which the chain stood still.
 */
import { bytes32, type Infer, type KeyValueReader, record, u64 } from '@palisade/core';
import { collection } from '../state/collection.ts';
import { u64Key } from '../state/keys.ts';

export const sessionRecord = record('Session', {
  number: u64.is('0 is the first'),
  startHeight: u64,
  startMs: u64.is('Block time of its first block'),
  endHeight: u64.is('Its last block; 0 while it runs'),
  randomness: bytes32.is('Zero until the validators have revealed'),
  randomnessHeight: u64.is('The block that fixed the randomness; 0 before'),
});
export type Session = Infer<typeof sessionRecord>;

export const sessions = collection({
  store: 'chain',
  name: 'session',
  key: [u64Key],
  value: sessionRecord,
});

/** Holds the number of the running session under key 0. */
export const currentSession = collection({
  store: 'chain',
  name: 'current-session',
  key: [],
  value: u64,
});

/** Validators that had a seat when a session began: offences are measured against it. */
export const sessionSeats = collection({
  store: 'chain',
  name: 'session-seats',
  key: [u64Key],
  value: u64,
});

/** The session to which a block belongs: `latest` or one before it. */
export function sessionAt(state: KeyValueReader, latest: Session, height: bigint): Session {
  let session = latest;
  while (session.number > 0n && session.startHeight > height)
    session = sessions.need(state, session.number - 1n);
  return session;
}
