/**
 * What a miner has: proven power, and to whom it is lent. One record per miner, so that a loss of
 * power touches one record whatever it is lent to. What the record said in earlier sessions is kept
 * while an offence of these sessions can still be proven.
 */
import { bytesKey, collection, u64Key } from '@palisade/chain';
import { type Infer, list, record, u8, u64, u128 } from '@palisade/core';
import { entryColumns, entryRecord, MAX_ENTRIES } from './entry.ts';

const claimFields = {
  raw: u64.is('Proven power, bytes'),
  deposit: u128.is('Held for the registration, base units'),
  since: u64.is('First session whose snapshot has these entries'),
  lastBacked: u64.is('Last session of which a past claim is kept; 0 for none'),
  checked: u64.is('Removals of collators that the entries have heard of'),
};
/** A claim for people and clients. */
export const claimRecord = record('MinerClaim', {
  ...claimFields,
  entries: list(entryRecord, MAX_ENTRIES).is('By kind, collator, generation and session'),
});
export type ClaimView = Infer<typeof claimRecord>;

/** A claim as it is stored: the same bytes, with the entries in columns. */
const storedClaim = record('MinerClaim', { ...claimFields, entries: entryColumns });
export type Claim = Infer<typeof storedClaim>;

/** By the miner's account. */
export const claims = collection({
  store: 'power',
  name: 'claim',
  key: [bytesKey(20)],
  value: storedClaim,
});

/** What a miner lent in snapshots that are past. */
export const pastClaimRecord = record('PastClaim', {
  from: u64.is('First session whose snapshot had it'),
  raw: u64,
  lastBacked: u64.is('Where the past claim before this one is; 0 for nowhere'),
  entries: entryColumns.is('Delegations only'),
});
export type PastClaim = Infer<typeof pastClaimRecord>;

/** Keyed by the last session whose snapshot had it, and the miner: the oldest stand first. */
export const pastClaims = collection({
  store: 'power',
  name: 'past-claim',
  key: [u64Key, bytesKey(20)],
  value: pastClaimRecord,
});

/** Who ever backed a registration of a collator: collator, generation, miner. */
export const backers = collection({
  store: 'power',
  name: 'backer',
  key: [bytesKey(32), u64Key, bytesKey(20)],
  value: u8,
});

export const totalsRecord = record('PowerTotals', {
  raw: u64.is('Proven power of all miners, bytes'),
  miners: u64,
  collators: u64.is('Registered now'),
  registrations: u64.is("Of collators, ever: the next one's number"),
  removals: u64.is('Of collators, ever: a claim that has heard of all of them has no dead entries'),
});

export const totals = collection({ store: 'power', name: 'totals', key: [], value: totalsRecord });
