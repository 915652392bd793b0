/** A claim's entries: their canonical order, and what time and collators have made of them. */
import { compareBytes, type KeyValueReader } from '@palisade/core';
import { collators, generationEnds } from '../collators/collator.ts';
import { params } from '../params.ts';
import { type Claim, totals } from './claim.ts';
import { ENTRY, type Entry, entriesOf, hasFreed, listed, MAX_ENTRIES } from './entry.ts';

function compareEntries(a: Entry, b: Entry): number {
  if (a.kind !== b.kind) return a.kind - b.kind;
  const byCollator = compareBytes(a.collator, b.collator);
  if (byCollator !== 0) return byCollator;
  if (a.generation !== b.generation) return a.generation - b.generation;
  return a.until < b.until ? -1 : a.until > b.until ? 1 : 0;
}

/**
 * Entries in canonical order, those of the same kind, registration and session as one. Where there
 * are too many, the last ones of a kind are put together and wait for the later session.
 */
export function ordered(entries: readonly Entry[]): Entry[] {
  const merged: Entry[] = [];
  for (const entry of [...entries].sort(compareEntries)) {
    if (entry.amount === 0n) continue;
    const last = merged.at(-1);
    if (last && compareEntries(last, entry) === 0)
      merged[merged.length - 1] = { ...last, amount: last.amount + entry.amount };
    else merged.push(entry);
  }
  while (merged.length > MAX_ENTRIES) joinLast(merged);
  return merged;
}

/** Quarantines cannot be refused; to join two of them only lengthens the shorter one. */
function joinLast(entries: Entry[]): void {
  const last = entries.pop()!;
  const before = entries.pop()!;
  const { until } = before.until > last.until ? before : last;
  entries.push({ ...last, until, amount: last.amount + before.amount });
}

/** Whether lent power names the registration that its collator has now. */
function isLive(state: KeyValueReader, { collator, generation }: Entry): boolean {
  const now = collators.get(state, collator);
  return now?.registered === 1 && now.generation === generation;
}

/**
 * The claim as of a session: what was taken back long enough ago is free, and so is what was lent to
 * a registration that has ended; where it ended for an offence, only after the unbonding time. All
 * delegations that are left name registrations that live.
 */
export function settled(state: KeyValueReader, claim: Claim, session: bigint): Claim {
  const { removals } = totals.need(state);
  if (claim.checked === removals && !hasFreed(claim.entries, session)) return claim;
  const { unbondingSessions } = params.need(state);
  let stays = true;
  const entries = listed(claim.entries).flatMap((entry): Entry[] => {
    const now = settledEntry(state, entry, session, BigInt(unbondingSessions));
    if (now !== entry) stays = false;
    return now ? [now] : [];
  });
  return {
    ...claim,
    checked: removals,
    entries: stays ? claim.entries : entriesOf(ordered(entries)),
  };
}

function settledEntry(
  state: KeyValueReader,
  entry: Entry,
  session: bigint,
  unbondingSessions: bigint,
): Entry | undefined {
  if (entry.kind !== ENTRY.delegated) return entry.until > session ? entry : undefined;
  if (isLive(state, entry)) return entry;
  const end = generationEnds.need(state, entry.collator, BigInt(entry.generation));
  if (end.fault === 0) return undefined;
  const until = end.session + unbondingSessions;
  return until > session ? { ...entry, kind: ENTRY.unbonding, until } : undefined;
}
