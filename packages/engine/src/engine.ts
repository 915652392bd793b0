/**
 * What an engine is to the rest of a node: something that orders transactions into blocks, drives one
 * `Application`, and answers about what it decided. The embedded driver implements it in this
 * process; a driver for CometBFT implements the same over its RPC, hence promises everywhere.
 */
import type { Refusal } from '@palisade/core';
import type {
  Block,
  BlockId,
  CheckTxResponse,
  Commit,
  DuplicateVoteEvidence,
  FinalizeBlockResponse,
  Header,
  QueryRequest,
  QueryResponse,
  Validator,
} from '@palisade/formats';

/** A block with its id and its size in bytes. */
export type StoredBlock = {
  readonly block: Block;
  readonly blockId: BlockId;
  readonly size: number;
};

/** A committed block as listeners receive it: with its results and the commit that decided it. */
export type CommittedBlock = StoredBlock & {
  readonly results: FinalizeBlockResponse;
  readonly commit: Commit;
};

/**
 * A header and the commit for it. `canonical` when a later block carries that commit; until then it
 * is what this node has seen.
 */
export type StoredCommit = {
  readonly header: Header;
  readonly commit: Commit;
  readonly canonical: boolean;
};

/** The validators of a height, in their canonical order; turns to propose are not kept. */
export type ValidatorsAt = {
  readonly height: bigint;
  readonly hash: Uint8Array;
  readonly validators: readonly Pick<Validator, 'address' | 'publicKey' | 'power'>[];
};

/** Whether a transaction waits for a block now. `hash` is its sha256. */
export type Submission =
  | {
      readonly accepted: true;
      readonly hash: Uint8Array;
      /** True when it was waiting already; then nothing was done. */
      readonly known: boolean;
      readonly check?: CheckTxResponse;
    }
  | {
      readonly accepted: false;
      readonly hash: Uint8Array;
      readonly refusal: Refusal;
      /** The application's answer, when it was the application that refused. */
      readonly check?: CheckTxResponse;
    };

/** Whether evidence waits for a block now. */
export type EvidenceSubmission =
  | { readonly accepted: true; readonly known: boolean }
  | { readonly accepted: false; readonly refusal: Refusal };

/** How the engine is, at one moment. */
export type EngineStatus = {
  readonly driver: string;
  readonly description: string;
  readonly chainId: string;
  readonly running: boolean;
  /** Why it stopped by itself, if it did. */
  readonly failure?: Refusal;
  readonly initialHeight: bigint;
  /** Last committed height; `initialHeight - 1` before the first block. */
  readonly height: bigint;
  readonly blockId: BlockId;
  readonly blockTimeNs: bigint;
  /** Application hash after the last block; it enters the next header. */
  readonly appHash: Uint8Array;
  /** 20-byte addresses of the validators whose keys this node holds. */
  readonly hosted: readonly Uint8Array[];
  readonly mempool: { readonly txs: number; readonly bytes: number };
  readonly shadow?: { readonly height: bigint; readonly restarts: number };
};

/** Hears of every block once it is committed, in height order. */
export type BlockListener = (block: CommittedBlock) => void | Promise<void>;

/** An engine, whatever drives it. Heights outside what is stored answer `undefined`. */
export type Engine = {
  /** What kind of engine this is, in a sentence for whoever runs it. */
  readonly description: string;
  /** Brings the application to the last stored block, then begins. Throws `PalisadeError`. */
  start(): Promise<void>;
  /** Finishes the height at hand and lets go of everything. */
  stop(): Promise<void>;
  /** Resolves once an accepted transaction is durable here: it then survives `kill -9`. */
  submit(tx: Uint8Array): Promise<Submission>;
  /** Evidence that a validator signed two blocks; it goes into a coming block. */
  submitEvidence(evidence: DuplicateVoteEvidence): Promise<EvidenceSubmission>;
  status(): Promise<EngineStatus>;
  block(height: bigint): Promise<StoredBlock | undefined>;
  blockResults(height: bigint): Promise<FinalizeBlockResponse | undefined>;
  commit(height: bigint): Promise<StoredCommit | undefined>;
  /** Known up to two heights beyond the last one, since changes take two heights to act. */
  validators(height: bigint): Promise<ValidatorsAt | undefined>;
  /**
   * Blocks from now on; whoever needs older ones reads them with `block`. A listener that throws is
   * reported and does not hold up the chain. Answers a function that ends the listening.
   */
  onBlock(listener: BlockListener): () => void;
  query(request: QueryRequest): Promise<QueryResponse>;
};
