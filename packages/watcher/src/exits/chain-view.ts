/**
 * What exits are judged against: the child chain up to one block (X5), and the exits as they are at the root chain's
 * newest block, where many that facts still show open are gone already (X3).
 */
import type { Position } from '@palisade/payments';
import type { Spend } from './records.ts';

export type ChainView = {
  /** Newest child block that was applied. */
  readonly blknum: number;
  /** Whether an output is unspent there. */
  has(position: Position): boolean;
  /** The included payment that spends an output. */
  spenderOf(position: Position): Omit<Spend, 'visibleAt'> | undefined;
  /** Where a transaction is included. */
  placeOf(txHash: Uint8Array): { readonly blknum: number; readonly txindex: number } | undefined;
};

/** An in-flight exit as the contract has it now. */
export type InFlightTip = {
  readonly exists: boolean;
  readonly canonical: boolean;
  readonly oldestCompetitor: bigint;
  /** Bit per piggyback: inputs first, then outputs. */
  readonly map: bigint;
};

/** The contract's records at the newest block; without a record of an exit, facts alone are believed. */
export type Tip = {
  /** Whether a standard exit can still be challenged. */
  readonly standard: ReadonlyMap<bigint, boolean>;
  readonly inFlight: ReadonlyMap<bigint, InFlightTip>;
};

export const NO_TIP: Tip = { standard: new Map(), inFlight: new Map() };
