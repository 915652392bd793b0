/**
 * Where an output is: block, transaction in it, output of that. On the root chain it is one number,
 * blknum * 10^9 + txindex * 10^4 + oindex. Numbers pass 2^53, so they are bigints wherever they are whole;
 * a block number alone stays below 2^40 and is a plain number.
 */
import type { Dialect } from '../dialect/dialect.ts';

/** A position as one number. */
export type Position = bigint;

/** A position in its three parts: block, transaction in it (below 65 536), output (below 10 000). */
export type Place = { readonly blknum: number; readonly txindex: number; readonly oindex: number };

export const BLOCK_OFFSET = 1_000_000_000;
export const TX_OFFSET = 10_000;
/** Child blocks are this far apart; the numbers between them are those of deposits. */
export const CHILD_BLOCK_INTERVAL = 1_000;
/** Leaves of a block's Merkle tree, which has depth 16. */
export const MAX_BLOCK_TXS = 65_536;

const BLOCK = BigInt(BLOCK_OFFSET);

/** The one number of a place. */
export function positionOf({ blknum, txindex, oindex }: Place): Position {
  return BigInt(blknum) * BLOCK + BigInt(txindex * TX_OFFSET + oindex);
}

/** The place that a position names; `isPosition` tells whether there can be one. */
export function placeOf(position: Position): Place {
  const within = Number(position % BLOCK);
  return {
    blknum: Number(position / BLOCK),
    txindex: Math.floor(within / TX_OFFSET),
    oindex: within % TX_OFFSET,
  };
}

/** The same transaction's position, without the output: what orders exits. */
export function txPositionOf(position: Position): bigint {
  return position / BigInt(TX_OFFSET);
}

/** Whether a number names a place that a transaction of this dialect can spend from. */
export function isPosition({ maxBlockNumber }: Dialect, position: Position): boolean {
  if (position < BLOCK || position / BLOCK > BigInt(maxBlockNumber)) return false;
  return placeOf(position).txindex < MAX_BLOCK_TXS;
}

/** Whether a block holds one deposit and nothing else. */
export function isDepositBlock(blknum: number): boolean {
  return blknum % CHILD_BLOCK_INTERVAL !== 0;
}

/**
 * The block number of the next deposit, as the contract counts them: from 1 to 999 after the last
 * submitted block. Undefined when the interval is full, where the contract reverts.
 */
export function depositBlockOf(nextChildBlock: number, nextDeposit: number): number | undefined {
  if (nextDeposit < 1 || nextDeposit >= CHILD_BLOCK_INTERVAL) return undefined;
  return nextChildBlock - CHILD_BLOCK_INTERVAL + nextDeposit;
}
