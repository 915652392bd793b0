/** Binding lent power after an offence of the collator: it stays proven, and is usable by nobody. */
import type { BlockContext } from '@palisade/chain';
import { equalBytes } from '@palisade/core';
import { claims } from '../claims/claim.ts';
import { ordered, settled } from '../claims/entries.ts';
import { ENTRY, type Entry, entriesOf, listed } from '../claims/entry.ts';
import { addLent } from '../claims/lent.ts';
import { writeClaim } from '../claims/write-claim.ts';
import { backingQuarantined } from '../events.ts';
import { params } from '../params.ts';

type Lent = {
  readonly collator: Uint8Array;
  readonly generation: number;
  readonly amount: bigint;
};

/**
 * Quarantines what a miner had lent: first what is still lent to, or unbonding from, that
 * registration, then free power. What it lost since, or lends to others by now, is left alone.
 */
export function quarantine(
  ctx: BlockContext,
  miner: Uint8Array,
  { collator, generation, amount }: Lent,
): void {
  const { state, session } = ctx;
  const stored = claims.get(state, miner);
  if (!stored) return;
  const claim = settled(state, stored, session.number);
  const free = claim.raw - claim.entries.bound;
  let wanted = amount;
  const entries = listed(claim.entries).map((entry): Entry => {
    const isOf = entry.generation === generation && equalBytes(entry.collator, collator);
    if (!isOf || entry.kind === ENTRY.quarantined || wanted === 0n) return entry;
    const left = entry.amount > wanted ? entry.amount - wanted : 0n;
    wanted -= entry.amount - left;
    if (entry.kind === ENTRY.delegated) addLent(state, generation, left - entry.amount);
    return { ...entry, amount: left };
  });
  wanted = wanted > free ? wanted - free : 0n;
  const bound = amount - wanted;
  if (bound === 0n) return;
  const until = session.number + BigInt(params.need(state).quarantineSessions);
  const added = { collator, generation, kind: ENTRY.quarantined, until, amount: bound };
  writeClaim(ctx, miner, stored, { ...claim, entries: entriesOf(ordered([...entries, added])) });
  ctx.emit(backingQuarantined, { miner, collator, amount: bound, until });
}
