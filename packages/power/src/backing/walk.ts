/**
 * Walks along all backers that a collator had in a snapshot: to share its reward among them, or to
 * make them answer for its offence. There may be many, so a walk takes as many blocks as it needs,
 * one after the other; what a walk finds is what the snapshot saw, whatever happens meanwhile.
 */
import { type BlockContext, collection, u64Key } from '@palisade/chain';
import { address, bytes32, type Infer, record, u8, u32, u64, u128 } from '@palisade/core';
import { backers } from '../claims/claim.ts';
import { lentAt } from '../claims/entry.ts';
import { claimInSnapshot } from '../claims/write-claim.ts';

/** Backers that a block visits at most: each costs a few records, together some milliseconds. */
export const MAX_VISITS = 200;

export const WALK = { reward: 0, slash: 1 } as const;

export const walkRecord = record('Walk', {
  kind: u8.is('0 shares a reward, 1 slashes'),
  collator: bytes32,
  generation: u32,
  snapshot: u64.is('Session whose snapshot tells the backers'),
  power: u64.is('Lent to the collator in that snapshot, bytes'),
  amount: u128.is('To be shared, base units; of a slash: parts per million to be taken'),
  seen: u64.is('Power of the backers that were visited, bytes'),
  done: u128.is('Paid or taken so far, base units'),
  after: address.is('The last backer that was visited; zero at first'),
});
export type Walk = Infer<typeof walkRecord>;

/** In the order in which they began. */
export const walks = collection({
  store: 'power',
  name: 'walk',
  key: [u64Key],
  value: walkRecord,
});
/** Number of the next walk. */
const nextWalk = collection({ store: 'power', name: 'next-walk', key: [], value: u64 });

/** One backer on the way. */
export type Visit = {
  readonly miner: Uint8Array;
  /** What it had lent to the collator, and had in all, bytes. */
  readonly lent: bigint;
  readonly raw: bigint;
};

/** What is done at each backer; answers what it paid or took. */
export type Visitor = (ctx: BlockContext, walk: Walk, visit: Visit) => bigint;
/** What is done at the end of a walk. */
export type Farewell = (ctx: BlockContext, walk: Walk) => void;

export function beginWalk(
  { state }: BlockContext,
  walk: Omit<Walk, 'seen' | 'done' | 'after'>,
): void {
  const number = nextWalk.get(state) ?? 0n;
  nextWalk.set(state, [], number + 1n);
  walks.set(state, [number], { ...walk, seen: 0n, done: 0n, after: new Uint8Array(20) });
}

/** Goes on with the walks, as far as a block should. */
export function walkOn(ctx: BlockContext, visitorOf: (walk: Walk) => Visitor, end: Farewell): void {
  let left = MAX_VISITS;
  while (left > 0) {
    const [first] = walks.list(ctx.state);
    if (!first) return;
    const [key, walk] = first;
    const { visited, now } = step(ctx, walk, visitorOf(walk), left);
    if (visited === left) {
      walks.set(ctx.state, key, now);
      return;
    }
    walks.delete(ctx.state, ...key);
    end(ctx, now);
    left -= visited + 1;
  }
}

function step(ctx: BlockContext, walk: Walk, visitor: Visitor, most: number) {
  const { collator, snapshot } = walk;
  const generation = BigInt(walk.generation);
  const next: Uint8Array[] = [];
  for (const [[, , miner]] of backers.listAfter(
    ctx.state,
    [collator, generation, walk.after],
    collator,
    generation,
  )) {
    next.push(miner);
    if (next.length === most) break;
  }
  let now = walk;
  for (const miner of next) {
    const claim = claimInSnapshot(ctx.state, miner, snapshot);
    const at = claim && lentAt(claim.entries, walk.generation);
    now = { ...now, after: miner };
    if (!claim || at === undefined) continue;
    const lent = claim.entries.amounts[at]!;
    const done = visitor(ctx, now, { miner, lent, raw: claim.raw });
    now = { ...now, seen: now.seen + lent, done: now.done + done };
  }
  return { visited: next.length, now };
}
