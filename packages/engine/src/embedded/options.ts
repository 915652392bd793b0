/** What the embedded driver is made of: its options, its ports, its bounds. */
import type { Clock, PalisadeError } from '@palisade/core';
import type { Application, CheckTxResponse, ConsensusParams } from '@palisade/formats';
import type { Divergence } from './divergence.ts';

/** One change of a block: store, key, and the new value; `undefined` where it was deleted. */
export type StoreChange = readonly [store: string, key: Uint8Array, value: Uint8Array | undefined];

/**
 * An application that may tell what its last finalized block changed, and what it holds. It is asked
 * between `finalizeBlock` and `commit`, and only when two replicas disagree. Both lists are sorted by
 * `store/key`, byte by byte.
 */
export type Replica = Application & {
  changes?(height: bigint): Promise<readonly StoreChange[]>;
  /** Committed records, at most `limit` of them: those behind `after`, or the first. */
  records?(
    after: readonly [store: string, key: Uint8Array] | undefined,
    limit: number,
  ): Promise<readonly StoreChange[]>;
};

/** A second replica, perhaps in a worker thread, and how to be rid of it. */
export type Shadow = { readonly application: Replica; close?(): Promise<void> };

/** How the shadow comes to be. */
export type ShadowOptions = {
  /** A replica of the same application; one without state is brought up to date. */
  make(): Promise<Shadow>;
  /** Replace it every so many heights by a cold one, restored from a snapshot of the primary. */
  readonly restartEvery?: number;
};

/** The first block, so to say: who validates, by which rules, and what the application begins with. */
export type Genesis = {
  readonly chainId: string;
  readonly timeNs: bigint;
  readonly initialHeight: bigint;
  readonly validators: readonly GenesisValidator[];
  readonly consensusParams: ConsensusParams;
  readonly appState: Uint8Array;
};

/** A validator of genesis: ed25519 key (32 bytes), voting power, and a name for people. */
export type GenesisValidator = {
  readonly publicKey: Uint8Array;
  readonly power: bigint;
  readonly name: string;
};

/** A validator key that this process signs with. */
export type HostedKey = {
  /** ed25519 secret, 32 bytes. */
  readonly secret: Uint8Array;
  readonly clock?: Clock;
  /** What this validator adds to its votes, where that is not the application's to say for all. */
  readonly extendVote?: Application['extendVote'];
};

/** Someone who has transactions for a block that never pass the mempool, like the market's job files. */
export type ProposalSource = {
  /** Transactions for the proposal of a height, together at most `maxBytes` as a block counts them. */
  take(height: bigint, maxBytes: number): Promise<readonly Uint8Array[]>;
  /** All transactions of a committed block. After a restart the last block may be told once more. */
  committed?(height: bigint, txs: readonly Uint8Array[]): Promise<void>;
};

/** Bounds, each in bytes or pieces. */
export type Limits = {
  /** One transaction. */
  readonly txBytes: number;
  /** All transactions of a block, as far as the consensus parameters allow. */
  readonly blockTxBytes: number;
  /** What proposal sources may take of a block together. */
  readonly sourceBytes: number;
  /** Waiting transactions. */
  readonly mempoolTxs: number;
  readonly mempoolBytes: number;
};

/** Bounds that fit a machine with 2 GB. */
export const DEFAULT_LIMITS: Limits = {
  // CometBFT's default for one transaction.
  txBytes: 1_048_576,
  // A block of a second or so must be encoded, hashed and stored well within that time.
  blockTxBytes: 4_194_304,
  // Half of it, so that what people send is never crowded out by what validators add.
  sourceBytes: 2_097_152,
  // Ten full blocks of small transactions; each costs a recheck per block.
  mempoolTxs: 50_000,
  // CometBFT's default.
  mempoolBytes: 67_108_864,
};

/** Moments at which a test may stop the process: named by what has just not happened, or has. */
export type FaultPoint =
  | 'before-save'
  | 'after-save'
  | 'after-finalize'
  | 'before-app-commit'
  | 'after-app-commit'
  | 'after-mempool';

/** Something worth a line in a log, and not worth stopping for. */
export type Notice = {
  readonly code: string;
  readonly message: string;
  readonly data?: Readonly<Record<string, string | number | bigint>>;
};

/** A transaction that waited and can be in no block any more, and what the application says of it. */
export type DroppedTx = { readonly tx: Uint8Array; readonly check: CheckTxResponse };

/** Everything that makes an embedded engine. */
export type EmbeddedOptions = {
  readonly application: Replica;
  readonly shadow?: ShadowOptions;
  readonly genesis: Genesis;
  readonly hostedKeys: readonly HostedKey[];
  /** Folder of the block store. One process at a time: the daemon's lock sees to that. */
  readonly dataDir: string;
  /** Time from block to block; 0 makes blocks only by `produce`. */
  readonly blockTimeMs: number;
  readonly clock: Clock;
  readonly proposalSources?: readonly ProposalSource[];
  readonly limits?: Partial<Limits>;
  readonly faults?: (point: FaultPoint, height: bigint) => void | Promise<void>;
  /** The two replicas disagree; no further block will be made. */
  readonly onDivergence?: (divergence: Divergence) => void;
  /** The engine stopped by itself, for this reason. */
  readonly onFailure?: (error: PalisadeError) => void;
  readonly onNotice?: (notice: Notice) => void;
  /**
   * Told what is dropped, and waited for before it leaves the journal: whoever writes it down loses
   * none, and may be told of one twice.
   */
  readonly onDropped?: (dropped: readonly DroppedTx[]) => Promise<void> | void;
};
