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
  /** Whether calls that pay their sender carry the hash of its address. */
  readonly senderData: { readonly processExits: boolean; readonly challenges: boolean };
  /** Whether the operator has to activate the child chain once. */
  readonly needsActivation: boolean;
  /** Events of the exit game by name, with what they carry; anything else is in the calldata. */
  readonly events: Readonly<Record<string, readonly string[]>>;
};

/** The events that both versions have in common, and what they carry there. */
export const COMMON_EVENTS = {
  DepositCreated: ['depositor', 'blknum', 'token', 'amount'],
  BlockSubmitted: ['blknum'],
  ExitQueued: ['exitId', 'priority'],
  ExitChallenged: ['utxoPos'],
  ExitFinalized: ['exitId'],
  ExitOmitted: ['exitId'],
  InFlightExitInputPiggybacked: ['exitTarget', 'txHash', 'inputIndex'],
  InFlightExitOutputPiggybacked: ['exitTarget', 'txHash', 'outputIndex'],
  InFlightExitChallengeResponded: ['challenger', 'txHash', 'challengeTxPosition'],
  InFlightExitInputBlocked: ['challenger', 'txHash', 'inputIndex'],
  InFlightExitOutputBlocked: ['challenger', 'txHash', 'outputIndex'],
  InFlightExitInputWithdrawn: ['exitId', 'inputIndex'],
  InFlightExitOutputWithdrawn: ['exitId', 'outputIndex'],
  InFlightExitDeleted: ['exitId'],
  InFlightExitOmitted: ['exitId', 'token'],
  ProcessedExitsNum: ['processedNum', 'vaultId', 'token'],
} as const satisfies Dialect['events'];

/** Whether an exit's number says that it is an in-flight exit. */
export function isInFlight({ exitId }: Dialect, id: bigint): boolean {
  return ((id >> exitId.inFlightBit) & 1n) === 1n;
}
