/** What the watcher keeps of exits, and of transactions that it saw outside of blocks. */
import type { Payment, Position } from '@palisade/payments';

export type StandardExit = {
  readonly kind: 'standard';
  readonly exitId: bigint;
  readonly position: Position;
  readonly owner: Uint8Array;
  /** The raw transaction whose output leaves. */
  readonly outputTx: Uint8Array;
  readonly token: Uint8Array;
  readonly amount: bigint;
  readonly startedAt: number;
  readonly startTx: Uint8Array;
  /** Seconds since 1970 from which on it can be paid; undefined until its queue entry was read. */
  readonly finalizesAt: number | undefined;
  readonly status: 'open' | 'challenged' | 'omitted' | 'finalized';
};

/** An input of an in-flight transaction: where it is, whose, and the signature for it. */
export type InFlightInput = {
  readonly position: Position;
  readonly owner: Uint8Array;
  readonly signature: Uint8Array;
  /** Raw transaction that made it. */
  readonly inputTx: Uint8Array;
};

export type InFlightExit = {
  readonly kind: 'in-flight';
  readonly exitId: bigint;
  readonly txHash: Uint8Array;
  readonly raw: Uint8Array;
  readonly transaction: Payment;
  readonly inputs: readonly InFlightInput[];
  readonly startedAt: number;
  /** Time of its start, seconds: the first phase counts from it. */
  readonly startSeconds: number;
  readonly startTx: Uint8Array;
  /** The earliest of its queue entries, seconds; undefined before the first piggyback. */
  readonly finalizesAt: number | undefined;
  readonly canonical: boolean;
  /** Position of the oldest competitor that was shown, or of itself after an answer; undefined before. */
  readonly oldestCompetitor: bigint | undefined;
  /** Root-chain height at which that was shown. */
  readonly shownAt: number | undefined;
  /** Heights of piggybacks that stand, by input and by output index. */
  readonly piggybackedInputs: ReadonlyMap<number, number>;
  readonly piggybackedOutputs: ReadonlyMap<number, number>;
  /** Those that were blocked or paid: nobody is told that they can be had. */
  readonly closedInputs: ReadonlySet<number>;
  readonly closedOutputs: ReadonlySet<number>;
  readonly status: 'open' | 'deleted' | 'finalized';
};

export type Exit = StandardExit | InFlightExit;

/** An input that a known transaction spends, with what proves it. */
export type Spend = {
  readonly txHash: Uint8Array;
  readonly raw: Uint8Array;
  readonly input: number;
  readonly signature: Uint8Array;
  /** Where the transaction is included; undefined when it was only shown. */
  readonly place: { readonly blknum: number; readonly txindex: number } | undefined;
  /** Root-chain height from which on everybody could know it. */
  readonly visibleAt: number;
};

/** What contracts write where a competitor is in no block. */
export const NOT_INCLUDED = 2n ** 256n - 1n;
