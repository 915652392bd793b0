/**
 * A collator disappears: it left, was kicked, or was slashed out. Whatever it had been lent is free
 * again at once, at a cost that does not grow with its backers: their entries name a registration
 * that has ended, and are settled when their miner is touched next.
 */
import { type BlockContext, bytesKey, collection, u64Key } from '@palisade/chain';
import { u8 } from '@palisade/core';
import { backers, totals } from '../claims/claim.ts';
import { addLent, lentSum } from '../claims/lent.ts';
import { collatorRemoved } from '../events.ts';
import { memorySessions, params } from '../params.ts';
import { beginUnbonding } from './bond.ts';
import { candidates, collators, generationEnds, goneCollators } from './collator.ts';

/** Why a collator has gone. */
export const REMOVAL = { left: 0, kicked: 1, offence: 2 } as const;
export type Removal = (typeof REMOVAL)[keyof typeof REMOVAL];

/**
 * Registrations that ended, by the session from which nobody can ask for their backers any more:
 * then their index is taken down bit by bit.
 */
const staleBackers = collection({
  store: 'power',
  name: 'stale-backers',
  key: [u64Key, bytesKey(32), u64Key],
  value: u8,
});

/** The caller knows that it is registered. */
export function removeCollator(ctx: BlockContext, nodeKey: Uint8Array, removal: Removal): void {
  const { state, session } = ctx;
  const collator = collators.need(state, nodeKey);
  beginUnbonding(ctx, nodeKey, collator);
  const generation = BigInt(collator.generation);
  generationEnds.set(state, [nodeKey, generation], {
    session: session.number,
    fault: removal === REMOVAL.offence ? 1 : 0,
  });
  const due = session.number + memorySessions(params.need(state));
  staleBackers.set(state, [due, nodeKey, generation], 1);
  collators.set(state, [nodeKey], {
    ...collator,
    registered: 0,
    bond: 0n,
  });
  const released = lentSum(state, collator.generation);
  addLent(state, collator.generation, -released);
  candidates.delete(state, nodeKey);
  goneCollators.set(state, [nodeKey], 1);
  const sums = totals.need(state);
  totals.set(state, [], {
    ...sums,
    collators: sums.collators - 1n,
    removals: sums.removals + 1n,
  });
  ctx.emit(collatorRemoved, {
    collator: nodeKey,
    account: collator.account,
    removal,
    released,
    bond: collator.bond,
  });
}

/** Entries of the index that a block takes down at most: their number must not make it late. */
const MAX_FORGOTTEN = 500;

/** Takes down the index of the backers of one registration whose time is over. */
export function forgetBackers({ state, session }: BlockContext): void {
  for (const [[due, nodeKey, generation]] of staleBackers.list(state)) {
    if (due > session.number) return;
    const old: Uint8Array[] = [];
    for (const [[, , miner]] of backers.list(state, nodeKey, generation)) {
      old.push(miner);
      if (old.length === MAX_FORGOTTEN) break;
    }
    for (const miner of old) backers.delete(state, nodeKey, generation, miner);
    if (old.length < MAX_FORGOTTEN) staleBackers.delete(state, due, nodeKey, generation);
    return;
  }
}
