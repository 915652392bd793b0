/** How far the root chain was followed, and what its counters were there. */

import type { Hex } from 'viem';
import * as z from 'zod';
import { CHILD_BLOCK_INTERVAL, DENSE_CHECKPOINTS } from '../params.ts';
import { hash } from '../rpc/shapes.ts';

export const checkpointSchema = z.strictObject({
  height: z.coerce.bigint().nonnegative(),
  hash,
  nextChildBlock: z.coerce.bigint().nonnegative(),
  nextDepositBlock: z.coerce.bigint().nonnegative(),
});

/**
 * A root-chain block, all of whose logs (and those of all before it) were handed out. Whoever follows
 * stores it together with what it made of the logs, and begins there the next time.
 */
export type Checkpoint = {
  readonly height: bigint;
  readonly hash: Hex;
  /** The framework's counters after that block, by the logs. */
  readonly nextChildBlock: bigint;
  readonly nextDepositBlock: bigint;
};

/** The counters of a framework that has just been deployed. */
export const FRESH_COUNTERS: Pick<Checkpoint, 'nextChildBlock' | 'nextDepositBlock'> = {
  nextChildBlock: CHILD_BLOCK_INTERVAL,
  nextDepositBlock: 1n,
};

/**
 * Those of many checkpoints, oldest first, that are worth keeping: the newest all, before them fewer the older they
 * are, and the first one always. However deep the root chain takes back blocks, one is at most twice as deep as
 * need be; and they are so few (two for each doubling of the distance) that all are written with each step.
 */
export function thinned(checkpoints: readonly Checkpoint[]): readonly Checkpoint[] {
  const dense = checkpoints.slice(-DENSE_CHECKPOINTS);
  const older = checkpoints.slice(0, -DENSE_CHECKPOINTS);
  const distance = ({ height }: Checkpoint) => checkpoints.at(-1)!.height - height;
  const kept = dense.reverse();
  for (let i = older.length - 1; i >= 0; i--) {
    const next = older[i - 1];
    const isNeeded = next === undefined || distance(next) > 2n * distance(kept.at(-1)!);
    if (isNeeded) kept.push(older[i]!);
  }
  return kept.reverse();
}
