/** How far the root chain was followed, and what its counters were there. */

import type { Hex } from 'viem';
import * as z from 'zod';
import { CHILD_BLOCK_INTERVAL } from '../params.ts';
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
