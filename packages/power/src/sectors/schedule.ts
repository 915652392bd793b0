/**
 * When what is due: deadline i of D is open in blocks k W to (k + 1) W - 1 for every k with k mod D = i
 * (spec/sectors.md, section 4). The same for all miners, so that a block that closes one looks at
 * the partitions of that deadline and at nothing else.
 */
import type { SectorsParams } from './params.ts';

export type Window = {
  readonly deadline: number;
  readonly opens: bigint;
  /** The first block in which it is over. */
  readonly closes: bigint;
};

/** The window that is open at a height. */
export function windowAt(
  { windowBlocks, deadlines }: Pick<SectorsParams, 'windowBlocks' | 'deadlines'>,
  height: bigint,
): Window {
  const length = BigInt(windowBlocks);
  const index = height / length;
  const opens = index * length;
  return { deadline: Number(index % BigInt(deadlines)), opens, closes: opens + length };
}

/** Blocks from `height` until a deadline opens next; 0 while it is open. */
export function blocksUntilOpen(params: SectorsParams, deadline: number, height: bigint): bigint {
  const open = windowAt(params, height);
  const ahead = (deadline - open.deadline + params.deadlines) % params.deadlines;
  if (ahead === 0) return 0n;
  return open.opens + BigInt(ahead) * BigInt(params.windowBlocks) - height;
}

/** Whether a deadline's sectors can be changed: it is not open, and does not open within the cutoff. */
export function isMutable(params: SectorsParams, deadline: number, height: bigint): boolean {
  return blocksUntilOpen(params, deadline, height) > BigInt(params.cutoffBlocks);
}

/**
 * The mutable deadline in which a miner has fewest sectors. Where several have as few, the first one
 * from a place that differs from miner to miner, so that all of them together fill all deadlines.
 */
export function emptiestDeadline(
  params: SectorsParams,
  miner: Uint8Array,
  counts: readonly number[],
  height: bigint,
): number {
  const first = ((miner[18]! << 8) | miner[19]!) % params.deadlines;
  let best = -1;
  for (let i = 0; i < params.deadlines; i++) {
    const deadline = (first + i) % params.deadlines;
    if (!isMutable(params, deadline, height)) continue;
    if (best < 0 || (counts[deadline] ?? 0) < (counts[best] ?? 0)) best = deadline;
  }
  return best;
}
