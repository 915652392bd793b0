/** How far the root chain was followed, and what its counters were there. */

import { type Hex, zeroHash } from 'viem';
import * as z from 'zod';
import { CHILD_BLOCK_INTERVAL, DENSE_CHECKPOINTS } from '../params.ts';
import { hash } from '../rpc/shapes.ts';

export const checkpointSchema = z.strictObject({
  height: z.coerce.bigint().nonnegative(),
  hash,
  nextChildBlock: z.coerce.bigint().nonnegative(),
  nextDepositBlock: z.coerce.bigint().nonnegative(),
  logs: hash,
  witnessed: z.strictObject({ height: z.coerce.bigint().nonnegative(), logs: hash }),
});

/** A root-chain block, and the hash of all logs up to it: each log's hash includes all before it. */
export type LogsUpTo = { readonly height: bigint; readonly logs: Hex };

/**
 * A root-chain block, all of whose logs (and those of all before it) were handed out. Whoever follows
 * stores it together with what it made of the logs, and begins there the next time.
 */
export type Checkpoint = LogsUpTo & {
  readonly hash: Hex;
  /** The framework's counters after that block, by the logs. */
  readonly nextChildBlock: bigint;
  readonly nextDepositBlock: bigint;
  /** Up to here another node told the same logs; what is behind it was believed to one node alone. */
  readonly witnessed: LogsUpTo;
};

/** The counters of a framework that has just been deployed. */
const FRESH_COUNTERS: Pick<Checkpoint, 'nextChildBlock' | 'nextDepositBlock'> = {
  nextChildBlock: CHILD_BLOCK_INTERVAL,
  nextDepositBlock: 1n,
};

/** Of the block before the deployment: there are no logs before it, as nobody has to witness. */
export function firstCheckpoint(height: bigint, hash: Hex): Checkpoint {
  const logs = zeroHash;
  return { ...{ height, hash, ...FRESH_COUNTERS, logs }, witnessed: { height, logs } };
}

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
