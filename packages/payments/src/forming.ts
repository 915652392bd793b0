/** The child block that this chain is making: payments are put into it, and in time it is closed. */
import type { BlockContext, State } from '@palisade/chain';
import { isRefusal, type KeyValueReader, toBinaryString } from '@palisade/core';
import { nextChildBlock, openClaim } from './block/child-block.ts';
import { childBlockClosed, gasRefunded } from './events.ts';
import { numberOf, wordOf } from './format/integers.ts';
import { BlockTree, leafHash } from './format/merkle.ts';
import { CHILD_BLOCK_INTERVAL } from './format/position.ts';
import { params } from './params.ts';
import { tokenOf } from './rules/amounts.ts';
import { type BlockSoFar, type Effects, judge } from './rules/judge.ts';
import type { Opened } from './rules/open.ts';
import {
  blockOfRoot,
  type ChildBlockRecord,
  childBlocks,
  collected,
  create,
  leaves,
  openChildBlock,
  outputAt,
  remove,
} from './state.ts';
import { refund } from './submitters.ts';

export function beginBlock(state: State, firstHeight: bigint, after = 0): void {
  const blknum = after === 0 ? CHILD_BLOCK_INTERVAL : nextChildBlock(after);
  openChildBlock.set(state, [], { blknum: BigInt(blknum), count: 0, firstHeight });
}

/** The open block as the rules see it. */
export function blockSoFar(state: KeyValueReader): BlockSoFar {
  const { blknum, count } = openChildBlock.need(state);
  const sums = new Map<string, bigint>();
  for (const [[token], amount] of collected.list(state))
    sums.set(toBinaryString(token), numberOf(amount));
  return { blknum: Number(blknum), count, collected: sums, claiming: false };
}

/** Does what a judged transaction does, and puts it into the open block; answers with its index. */
export function put(state: State, { raw }: Opened, effects: Effects): number {
  const open = openChildBlock.need(state);
  for (const position of effects.spent) remove(state, position);
  for (const { position, output } of effects.created) create(state, position, output);
  for (const [key, amount] of effects.collected) {
    if (amount === 0n) continue;
    const token = tokenOf(key);
    const sum = numberOf(collected.get(state, token) ?? wordOf(0n)) + amount;
    if (sum === 0n) collected.delete(state, token);
    else collected.set(state, [token], wordOf(sum));
  }
  leaves.set(state, [BigInt(open.count)], leafHash(raw));
  openChildBlock.set(state, [], { ...open, count: open.count + 1 });
  return open.count;
}

/** Closes the open block when it is full or old enough; an empty one goes on. */
export function closeWhenDue(ctx: BlockContext): void {
  const { state, height } = ctx;
  const { count, firstHeight } = openChildBlock.need(state);
  if (count === 0) return;
  const { blockEvery, maxPayments } = params.need(state);
  // Each token of fees has a place kept for its claim.
  const isFull = count + blockSoFar(state).collected.size >= maxPayments;
  if (!isFull && height < firstHeight + BigInt(blockEvery) - 1n) return;
  close(ctx);
}

function close(ctx: BlockContext): void {
  const { state, height, timeMs } = ctx;
  const claims = claimFees(ctx);
  const { blknum, count, firstHeight } = openChildBlock.need(state);
  const hashes = [...leaves.list(state)];
  const { root } = BlockTree.ofLeaves(hashes.map(([, hash]) => hash));
  for (const [[index]] of hashes) leaves.delete(state, index);
  childBlocks.set(state, [blknum], {
    ...{ root, transactions: count, firstHeight, lastHeight: height, timeMs, claims },
  });
  blockOfRoot.set(state, [root], blknum);
  ctx.emit(childBlockClosed, { blknum, root, transactions: count });
  beginBlock(state, height + 1n, Number(blknum));
}

/** Claims what was collected, in the order of the tokens. */
function claimFees(ctx: BlockContext): ChildBlockRecord['claims'] {
  const { state } = ctx;
  const claims = [...collected.list(state)].map(([[token], amount]) => {
    const submitter = refund(state, token, numberOf(amount));
    if (submitter) {
      const { blknum } = openChildBlock.need(state);
      ctx.emit(gasRefunded, { blknum, submitter, amount });
    }
    return { claimer: submitter ?? params.need(state).claimer, token, amount };
  });
  for (const { claimer, token, amount } of claims) {
    const block = blockSoFar(state);
    const claim = openClaim(block.blknum, claimer, token, numberOf(amount));
    const effects = judge(NOTHING_SPENT, block, claim);
    if (isRefusal(effects)) throw new Error(`payments: ${effects.code}: ${effects.message}`);
    put(state, claim, effects);
  }
  return claims;
}

/** A claim spends no outputs. */
const NOTHING_SPENT = { get: () => undefined };

/** The outputs of the state, as the rules see them. */
export function outputsIn(state: KeyValueReader) {
  return { get: (position: bigint) => outputAt(state, position) };
}
