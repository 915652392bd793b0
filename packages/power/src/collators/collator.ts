/** Candidates for the seats of unknown validators: registered, bonded, backed by lent power. */
import { bytesKey, collection, type State, u64Key } from '@palisade/chain';
import {
  address,
  bytes32,
  type Infer,
  type KeyValueReader,
  record,
  text,
  u8,
  u32,
  u64,
  u128,
} from '@palisade/core';
import { params } from '../params.ts';

/** What is stored of a collator; what it is lent now stands beside it (`lentSum`). */
export const collatorFields = {
  account: address.is('Its owner: bonds, is paid'),
  rootKey: address.is('Its key on the root chain'),
  name: text(32),
  registered: u8.is('1 while it is a candidate'),
  generation: u32.is('Number of its last registration, among all: lent power names one'),
  bond: u128.is('Answers for it, base units'),
  commissionPpm: u32.is('Share of its rewards that its owner keeps, parts per million'),
  since: u64.is('Session in which it registered'),
  badSessions: u8.is('Active sessions in a row that it attended badly'),
  barredUntil: u64.is('First session in which it may be drawn'),
};
export const collatorRecord = record('Collator', collatorFields);
export type Collator = Infer<typeof collatorRecord>;

/** By node key; the record of one that has gone stays, so that its generations are never used again. */
export const collators = collection({
  store: 'power',
  name: 'collator',
  key: [bytesKey(32)],
  value: collatorRecord,
});

/** Those that are candidates now. */
export const candidates = collection({
  store: 'power',
  name: 'candidate',
  key: [bytesKey(32)],
  value: u8.is('1 where its own bond is enough, 0 where other stake stands in for a part'),
});

/** Node keys of those that went since the last snapshot, which must hear of it. */
export const goneCollators = collection({
  store: 'power',
  name: 'gone-collator',
  key: [bytesKey(32)],
  value: u8,
});

/** Whose a key on the root chain is. */
export const rootKeys = collection({
  store: 'power',
  name: 'root-key',
  key: [bytesKey(20)],
  value: bytes32,
});

export const generationEndRecord = record('GenerationEnd', {
  session: u64.is('In which it ended'),
  fault: u8.is('1 when the collator was removed for an offence'),
});

/** How registrations ended: collator, generation. Lent power that names one is settled by it. */
export const generationEnds = collection({
  store: 'power',
  name: 'generation-end',
  key: [bytesKey(32), u64Key],
  value: generationEndRecord,
});

/** The record of a collator that is a candidate now. */
export function candidate(state: KeyValueReader, nodeKey: Uint8Array): Collator | undefined {
  const collator = collators.get(state, nodeKey);
  return collator?.registered === 1 ? collator : undefined;
}

/** Lists a candidate with the bond that it has now. */
export function noteCandidate(state: State, nodeKey: Uint8Array, bond: bigint): void {
  candidates.set(state, [nodeKey], bond >= params.need(state).candidacyBond ? 1 : 0);
}
