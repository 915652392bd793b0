/** Who had which seat in which session, and by which snapshot: offences and rewards go by it. */
import { collection, u64Key } from '@palisade/chain';
import {
  bytes32,
  equalBytes,
  type Infer,
  type KeyValueReader,
  list,
  record,
  u8,
  u32,
  u64,
} from '@palisade/core';

/** Seats, and reserves that were called in. */
export const MAX_SEATINGS = 64;

export const seatingRecord = record('Seating', {
  nodeKey: bytes32,
  known: u8.is('1 when appointed by the chain owner'),
  generation: u32.is('Of a collator: which of its registrations won the seat'),
  snapshot: u64.is('Session whose snapshot it was drawn from; 0 for a seat that was not drawn'),
  weight: u64.is('Votes'),
  sinceHeight: u64.is('Block in which it took the seat'),
  untilHeight: u64.is('Block in which it lost the seat within the session; 0 if it did not'),
});
export type Seating = Infer<typeof seatingRecord>;

export const seatingsRecord = record('Seatings', {
  seatings: list(seatingRecord, MAX_SEATINGS),
  lowTrust: u8.is("1 when the owner's validators hold a third of the votes or more"),
});
export type Seatings = Infer<typeof seatingsRecord>;

/** By session. */
export const seatings = collection({
  store: 'power',
  name: 'seating',
  key: [u64Key],
  value: seatingsRecord,
});

/** A validator's seat in a session, the last it had. */
export function seatOf(
  state: KeyValueReader,
  session: bigint,
  nodeKey: Uint8Array,
): Seating | undefined {
  return seatings
    .get(state, session)
    ?.seatings.findLast((seating) => equalBytes(seating.nodeKey, nodeKey));
}
