/**
 * Dialects: the two versions of the root chain's contracts that payments, exits and watchers can be
 * spoken in. All that differs between them is data here, so that no other code asks which one it
 * works for. Figures: spec/payments.md, "Dialects".
 */

/** Ether held against a wrong exit, wei. */
export type Bond = {
  readonly size: bigint;
  /** The part of it that goes to whoever processes the exit. */
  readonly bounty: bigint;
};

/** How an exit's number is cut out of a 256-bit hash. */
export type ExitIdRule = {
  /** Bits that the hash is shifted down by. */
  readonly shift: bigint;
  /** What is hashed for a standard exit: the transaction, or transaction and output index. */
  readonly standardOf: 'transaction' | 'output';
  /** Where the output index is put, as a shift, when it was not hashed. */
  readonly outputIndexAt: bigint | undefined;
  /** The bit that marks an in-flight exit, as a shift. */
  readonly inFlightBit: bigint;
  /** Bits of the number in all. */
  readonly bits: bigint;
};

/** All in which the contracts' versions differ. */
export type Dialect = {
  readonly name: 'v1' | 'v2';
  readonly maxInputs: number;
  readonly maxOutputs: number;
  /** Highest block number that a position can name. */
  readonly maxBlockNumber: number;
  readonly typedData: {
    /** Version in the signing domain. */
    readonly version: string;
    /** Inputs and outputs as numbered fields, filled up with empty ones, or as two lists. */
    readonly members: 'numbered' | 'lists';
  };
  readonly exitId: ExitIdRule;
  /** An exit's place in its queue: exitableAt << timeAt | position without output << positionAt | id. */
  readonly priority: { readonly timeAt: bigint; readonly positionAt: bigint };
  readonly bonds: {
    readonly standard: Bond;
    readonly inFlight: Bond;
    readonly piggyback: Bond;
  };
  readonly events: {
    /** Events that name only what they are about: the rest is in the call that emitted them. */
    readonly thin: readonly string[];
    /** Whether an in-flight exit tells of its end; else its record has to be looked at. */
    readonly tellsInFlightEnd: boolean;
  };
};

/** Whether an exit's number says that it is an in-flight exit. */
export function isInFlight({ exitId }: Dialect, id: bigint): boolean {
  return ((id >> exitId.inFlightBit) & 1n) === 1n;
}
