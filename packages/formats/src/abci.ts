/**
 * The application interface: the methods of ABCI 2.0 (CometBFT v0.38, spec/ engine chapter 1.4) as
 * TypeScript types. An engine drives an object of this type; the application knows no engine.
 *
 * Names are the camelCase of the protobuf fields (`tendermint.abci`). Heights, powers and gas are
 * `bigint`; every time is `...Ns`, a `bigint` of nanoseconds since 1970-01-01T00:00:00Z; bytes are
 * `Uint8Array`; addresses are the 20 bytes of a CometBFT validator address (the first 20 bytes of the
 * sha256 of its ed25519 key). Where protobuf leaves a field out, the type still has it, as its
 * zero value.
 *
 * Who must be deterministic: `processProposal`, `verifyVoteExtension` and `finalizeBlock` are
 * functions of their request and the last committed state; `initChain`, `commit` too. `checkTx`,
 * `prepareProposal` and `extendVote` may use local knowledge. Of a transaction result only `code`,
 * `data`, `gasWanted` and `gasUsed` enter the header; `log`, `info` and the events do not.
 */

/** One searchable fact about an event; `index` says whether an indexer should keep it. */
export type EventAttribute = {
  readonly key: string;
  readonly value: string;
  readonly index: boolean;
};

/** Something that happened in a block or a transaction, for indexers and clients. */
export type AbciEvent = {
  readonly type: string;
  readonly attributes: readonly EventAttribute[];
};

/** Outcome of one transaction of a block; `code` 0 is success. */
export type ExecTxResult = {
  readonly code: number;
  readonly data: Uint8Array;
  readonly log: string;
  readonly info: string;
  readonly gasWanted: bigint;
  readonly gasUsed: bigint;
  readonly events: readonly AbciEvent[];
  readonly codespace: string;
};

/** New voting power of a validator, by its 32-byte ed25519 key; power 0 removes it. */
export type ValidatorUpdate = {
  readonly publicKey: Uint8Array;
  readonly power: bigint;
};

/** A validator as votes and evidence name it: 20-byte address and voting power. */
export type AbciValidator = {
  readonly address: Uint8Array;
  readonly power: bigint;
};

/**
 * What a validator's place in a commit says: `commit` it signed the block, `nil` it signed that
 * there is none, `absent` nothing was received. (`unknown` is protobuf's zero value.)
 */
export type BlockIdFlag = 'unknown' | 'absent' | 'commit' | 'nil';

/** One validator's part in the last commit. */
export type VoteInfo = {
  readonly validator: AbciValidator;
  readonly blockIdFlag: BlockIdFlag;
};

/** The last commit as the application sees it: the round and every validator, in set order. */
export type CommitInfo = {
  readonly round: number;
  readonly votes: readonly VoteInfo[];
};

/** As `VoteInfo`, with the application's vote extension and the ed25519 signature over it. */
export type ExtendedVoteInfo = VoteInfo & {
  readonly voteExtension: Uint8Array;
  readonly extensionSignature: Uint8Array;
};

/** The last commit with vote extensions; only the proposer of the next height receives it. */
export type ExtendedCommitInfo = {
  readonly round: number;
  readonly votes: readonly ExtendedVoteInfo[];
};

/** What kind of proven wrong a validator did. */
export type MisbehaviorType = 'unknown' | 'duplicate-vote' | 'light-client-attack';

/** Proven wrong of a validator: at which height and time, and the total power of that height. */
export type Misbehavior = {
  readonly type: MisbehaviorType;
  readonly validator: AbciValidator;
  readonly height: bigint;
  readonly timeNs: bigint;
  readonly totalVotingPower: bigint;
};

/** Limits of a block; `maxBytes` is the whole encoded block, -1 for the engine's own limit. */
export type BlockParams = { readonly maxBytes: bigint; readonly maxGas: bigint };

/** Evidence is refused only when older than both, blocks and time. */
export type EvidenceParams = {
  readonly maxAgeNumBlocks: bigint;
  readonly maxAgeDurationNs: bigint;
  readonly maxBytes: bigint;
};

/** Consensus parameters, `tendermint.types.ConsensusParams`. */
export type ConsensusParams = {
  readonly block: BlockParams;
  readonly evidence: EvidenceParams;
  readonly validator: { readonly pubKeyTypes: readonly string[] };
  readonly version: { readonly app: bigint };
  readonly abci: { readonly voteExtensionsEnableHeight: bigint };
};

/** The sections of consensus parameters that an application wants changed. */
export type ConsensusParamsUpdate = Partial<ConsensusParams>;

/** Versions of the engine that asks. */
export type InfoRequest = {
  readonly version: string;
  readonly blockVersion: bigint;
  readonly p2pVersion: bigint;
  readonly abciVersion: string;
};

/** What the application last *committed*; height 0 before the first block. */
export type InfoResponse = {
  readonly data: string;
  readonly version: string;
  readonly appVersion: bigint;
  readonly lastBlockHeight: bigint;
  readonly lastBlockAppHash: Uint8Array;
};

/** Genesis: called once, before the first block. */
export type InitChainRequest = {
  readonly timeNs: bigint;
  readonly chainId: string;
  readonly consensusParams: ConsensusParams;
  readonly validators: readonly ValidatorUpdate[];
  readonly appStateBytes: Uint8Array;
  readonly initialHeight: bigint;
};

/** An empty `validators` keeps those of genesis; a non-empty list replaces them. */
export type InitChainResponse = {
  readonly consensusParams?: ConsensusParamsUpdate;
  readonly validators: readonly ValidatorUpdate[];
  readonly appHash: Uint8Array;
};

/** `recheck`: the transaction already waits in the mempool and a block was committed since. */
export type CheckTxRequest = {
  readonly tx: Uint8Array;
  readonly type: 'new' | 'recheck';
};

/** Whether a transaction may wait for a block; `code` 0 admits it. */
export type CheckTxResponse = ExecTxResult;

/** The engine offers `txs`; the application returns the block's transactions, at most `maxTxBytes`. */
export type PrepareProposalRequest = {
  readonly maxTxBytes: bigint;
  readonly txs: readonly Uint8Array[];
  readonly localLastCommit: ExtendedCommitInfo;
  readonly misbehavior: readonly Misbehavior[];
  readonly height: bigint;
  readonly timeNs: bigint;
  readonly nextValidatorsHash: Uint8Array;
  readonly proposerAddress: Uint8Array;
};

/** The transactions of the block, in order. */
export type PrepareProposalResponse = { readonly txs: readonly Uint8Array[] };

/** A proposed block, before anyone votes. */
export type ProcessProposalRequest = {
  readonly txs: readonly Uint8Array[];
  readonly proposedLastCommit: CommitInfo;
  readonly misbehavior: readonly Misbehavior[];
  readonly hash: Uint8Array;
  readonly height: bigint;
  readonly timeNs: bigint;
  readonly nextValidatorsHash: Uint8Array;
  readonly proposerAddress: Uint8Array;
};

/** Whether to vote for the block. */
export type ProcessProposalResponse = { readonly status: 'accept' | 'reject' };

/** Asked of each validator before its precommit. */
export type ExtendVoteRequest = {
  readonly hash: Uint8Array;
  readonly height: bigint;
  readonly timeNs: bigint;
  readonly txs: readonly Uint8Array[];
  readonly proposedLastCommit: CommitInfo;
  readonly misbehavior: readonly Misbehavior[];
  readonly nextValidatorsHash: Uint8Array;
  readonly proposerAddress: Uint8Array;
};

/** Bytes the validator adds to its precommit; they reach the next proposer only. */
export type ExtendVoteResponse = { readonly voteExtension: Uint8Array };

/** Another validator's extension, for judgement. */
export type VerifyVoteExtensionRequest = {
  readonly hash: Uint8Array;
  readonly validatorAddress: Uint8Array;
  readonly height: bigint;
  readonly voteExtension: Uint8Array;
};

/** Rejecting refuses the whole precommit: accept when in doubt. */
export type VerifyVoteExtensionResponse = { readonly status: 'accept' | 'reject' };

/** A decided block. */
export type FinalizeBlockRequest = {
  readonly txs: readonly Uint8Array[];
  readonly decidedLastCommit: CommitInfo;
  readonly misbehavior: readonly Misbehavior[];
  readonly hash: Uint8Array;
  readonly height: bigint;
  readonly timeNs: bigint;
  readonly nextValidatorsHash: Uint8Array;
  readonly proposerAddress: Uint8Array;
};

/**
 * What the block did: one result per transaction, in order. `appHash` enters the next header;
 * `validatorUpdates` of height H act from H + 2. Nothing is durable before `commit`.
 */
export type FinalizeBlockResponse = {
  readonly events: readonly AbciEvent[];
  readonly txResults: readonly ExecTxResult[];
  readonly validatorUpdates: readonly ValidatorUpdate[];
  readonly consensusParamUpdates?: ConsensusParamsUpdate;
  readonly appHash: Uint8Array;
};

/** Make the finalized block durable. */
export type CommitRequest = Readonly<Record<never, never>>;

/** Blocks below `retainHeight` are no longer needed by the application; 0 keeps all. */
export type CommitResponse = { readonly retainHeight: bigint };

/** Read committed state; height 0 means the latest. */
export type QueryRequest = {
  readonly data: Uint8Array;
  readonly path: string;
  readonly height: bigint;
  readonly prove: boolean;
};

/** One operation of a Merkle proof, `tendermint.crypto.ProofOp`. */
export type ProofOp = {
  readonly type: string;
  readonly key: Uint8Array;
  readonly data: Uint8Array;
};

/** Answer to a query; `code` 0 is success. */
export type QueryResponse = {
  readonly code: number;
  readonly log: string;
  readonly info: string;
  readonly index: bigint;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly proofOps: readonly ProofOp[];
  readonly height: bigint;
  readonly codespace: string;
};

/** A state snapshot in a format of the application's own. */
export type Snapshot = {
  readonly height: bigint;
  readonly format: number;
  readonly chunks: number;
  readonly hash: Uint8Array;
  readonly metadata: Uint8Array;
};

/** Snapshots at hand. */
export type ListSnapshotsResponse = { readonly snapshots: readonly Snapshot[] };

/** A snapshot and the app hash that a verified header names for its height. */
export type OfferSnapshotRequest = {
  readonly snapshot: Snapshot;
  readonly appHash: Uint8Array;
};

/** Whether restoring from this snapshot begins. */
export type OfferSnapshotResponse = {
  readonly result: 'accept' | 'abort' | 'reject' | 'reject-format' | 'reject-sender';
};

/** One piece of a snapshot. */
export type LoadSnapshotChunkRequest = {
  readonly height: bigint;
  readonly format: number;
  readonly chunk: number;
};

/** Its bytes; empty when not at hand. */
export type LoadSnapshotChunkResponse = { readonly chunk: Uint8Array };

/** Give one piece to the application that is being restored. */
export type ApplySnapshotChunkRequest = {
  readonly index: number;
  readonly chunk: Uint8Array;
  readonly sender: string;
};

/** What to do next, and which pieces to fetch again. */
export type ApplySnapshotChunkResponse = {
  readonly result: 'accept' | 'abort' | 'retry' | 'retry-snapshot' | 'reject-snapshot';
  readonly refetchChunks: readonly number[];
  readonly rejectSenders: readonly string[];
};

/** ABCI 2.0: what an engine asks of an application. */
export type Application = {
  info(request: InfoRequest): Promise<InfoResponse>;
  initChain(request: InitChainRequest): Promise<InitChainResponse>;
  checkTx(request: CheckTxRequest): Promise<CheckTxResponse>;
  prepareProposal(request: PrepareProposalRequest): Promise<PrepareProposalResponse>;
  processProposal(request: ProcessProposalRequest): Promise<ProcessProposalResponse>;
  extendVote(request: ExtendVoteRequest): Promise<ExtendVoteResponse>;
  verifyVoteExtension(request: VerifyVoteExtensionRequest): Promise<VerifyVoteExtensionResponse>;
  finalizeBlock(request: FinalizeBlockRequest): Promise<FinalizeBlockResponse>;
  commit(request: CommitRequest): Promise<CommitResponse>;
  query(request: QueryRequest): Promise<QueryResponse>;
  listSnapshots(request: Readonly<Record<never, never>>): Promise<ListSnapshotsResponse>;
  offerSnapshot(request: OfferSnapshotRequest): Promise<OfferSnapshotResponse>;
  loadSnapshotChunk(request: LoadSnapshotChunkRequest): Promise<LoadSnapshotChunkResponse>;
  applySnapshotChunk(request: ApplySnapshotChunkRequest): Promise<ApplySnapshotChunkResponse>;
};
