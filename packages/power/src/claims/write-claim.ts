/** Writing a claim: what it said in snapshots that are fixed already is put aside first. */
import type { BlockContext } from '@palisade/chain';
import type { KeyValueReader } from '@palisade/core';
import { memorySessions, params } from '../params.ts';
import { type Claim, claims, pastClaims } from './claim.ts';
import { delegations } from './entry.ts';

/** Records of the past that a block forgets at most: their removal must not make it late. */
const MAX_FORGOTTEN = 500;

/** The fields that commands change; the rest follows from the session. */
export type ClaimChange = Pick<Claim, 'raw' | 'checked' | 'entries'>;

/** @param before the record as it is stored, unsettled: snapshots were made of it */
export function writeClaim(
  { state, session }: BlockContext,
  miner: Uint8Array,
  before: Claim,
  { raw, checked, entries }: ClaimChange,
): void {
  let { since, lastBacked } = before;
  if (since <= session.number) {
    if (before.entries.lent > 0) {
      const entries = delegations(before.entries);
      const past = { from: since, raw: before.raw, lastBacked, entries };
      pastClaims.set(state, [session.number, miner], past);
      lastBacked = session.number;
    }
    since = session.number + 1n;
  }
  claims.set(state, [miner], {
    raw,
    deposit: before.deposit,
    since,
    lastBacked,
    checked,
    entries,
  });
}

/** Drops what no proof of an offence can reach any more, a few records per block. */
export function forgetPastClaims({ state, session }: BlockContext): void {
  const kept = memorySessions(params.need(state));
  const old: [bigint, Uint8Array][] = [];
  for (const [key] of pastClaims.list(state)) {
    if (key[0] + kept >= session.number || old.length === MAX_FORGOTTEN) break;
    old.push(key);
  }
  for (const key of old) pastClaims.delete(state, ...key);
}

/** A miner's delegations and power in the snapshot of a session that is past or running. */
export function claimInSnapshot(
  state: KeyValueReader,
  miner: Uint8Array,
  session: bigint,
): Pick<Claim, 'raw' | 'entries'> | undefined {
  const now = claims.get(state, miner);
  if (!now || now.since <= session) return now;
  let upTo = now.lastBacked;
  while (upTo >= session && upTo > 0n) {
    const past = pastClaims.get(state, upTo, miner);
    if (!past || past.from <= session) return past;
    upTo = past.lastBacked;
  }
  return undefined;
}
