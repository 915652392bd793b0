/**
 * Blocks, commits, results, consensus state, waiting transactions and evidence in one LMDB
 * environment. A write resolves when it is on disk (`overlappingSync` off: LMDB's own durable
 * commit), and what belongs together is one transaction.
 *
 * Validator sets are kept by their hash, which every header names, so a set that does not change is
 * stored once.
 */
import { PalisadeError, readU64be, toHex, u64be } from '@palisade/core';
import type {
  Block,
  DuplicateVoteEvidence,
  ExtendedCommit,
  FinalizeBlockResponse,
  ValidatorSet,
} from '@palisade/formats';
import {
  blockMessage,
  duplicateVoteEvidenceMessage,
  extendedCommitMessage,
  finalizeBlockResponseMessage,
  validatorSetHash,
  validatorSetMessage,
} from '@palisade/formats';
import type { Database } from 'lmdb';
import { open } from 'lmdb';
import type { ChainState } from './chain-state.ts';
import { chainStateMessage, STATE_VERSION } from './chain-state.ts';

type Table = Database<Uint8Array, Uint8Array>;

/** Which waiting things a block used up. */
export type Spent = {
  readonly txSequences: readonly bigint[];
  readonly evidenceHashes: readonly Uint8Array[];
};

/** A transaction in the journal of the mempool. */
export type JournaledTx = { readonly sequence: bigint; readonly tx: Uint8Array };

const STATE_KEY = new Uint8Array([1]);
const GENESIS_KEY = new Uint8Array([2]);
/** Mark of evidence that is in a block already: it must not come twice. */
const COMMITTED = new Uint8Array([1]);

/** The store of one chain; made by `openBlockStore`. */
export class BlockStore {
  private readonly root;
  private readonly meta: Table;
  private readonly blocks: Table;
  private readonly commits: Table;
  private readonly results: Table;
  private readonly sets: Table;
  private readonly mempool: Table;
  private readonly evidence: Table;

  constructor(path: string) {
    this.root = open<Uint8Array, Uint8Array>({
      path,
      maxDbs: 8,
      overlappingSync: false,
      encoding: 'binary',
      keyEncoding: 'binary',
    });
    const table = (name: string): Table =>
      this.root.openDB<Uint8Array, Uint8Array>({ name, encoding: 'binary', keyEncoding: 'binary' });
    this.meta = table('meta');
    this.blocks = table('blocks');
    this.commits = table('commits');
    this.results = table('results');
    this.sets = table('sets');
    this.mempool = table('mempool');
    this.evidence = table('evidence');
  }

  /** Ties the folder to a genesis, or finds that it belongs to another one. */
  async claim(genesisHash: Uint8Array): Promise<void> {
    const known = this.meta.getBinary(GENESIS_KEY);
    if (!known) {
      await this.meta.put(GENESIS_KEY, genesisHash);
    } else if (toHex(known) !== toHex(genesisHash)) {
      throw new PalisadeError({
        code: 'engine/other-genesis',
        message: `This data folder holds blocks of another genesis (${toHex(known)}).`,
        next: 'Use the genesis it was made with, or an empty data folder.',
      });
    }
  }

  state(): ChainState | undefined {
    const encoded = this.meta.getBinary(STATE_KEY);
    if (!encoded) return undefined;
    const { version, ...state } = chainStateMessage.decode(encoded);
    if (version === STATE_VERSION) return state;
    throw new PalisadeError({
      code: 'engine/store-version',
      message: `The block store has format ${version}, and this program reads ${STATE_VERSION}.`,
      next: 'Start it with the version of the program that wrote it.',
    });
  }

  async saveGenesisState(state: ChainState): Promise<void> {
    await this.root.transaction(() => this.putState(state));
  }

  /** A decided block and the commit that decided it: from here on its signatures may be seen. */
  async saveBlock(block: Block, encoded: Uint8Array, commit: ExtendedCommit): Promise<void> {
    const key = u64be(block.header.height);
    await this.root.transaction(() => {
      this.blocks.put(key, encoded);
      this.commits.put(key, extendedCommitMessage.encode(commit));
    });
  }

  /** What the block did, the state after it, and the end of what it used up: all or nothing. */
  async saveResults(
    state: ChainState,
    response: FinalizeBlockResponse,
    spent: Spent,
  ): Promise<void> {
    await this.root.transaction(() => {
      this.results.put(u64be(state.lastHeight), finalizeBlockResponseMessage.encode(response));
      this.putState(state);
      for (const sequence of spent.txSequences) this.mempool.remove(u64be(sequence));
      for (const hash of spent.evidenceHashes) this.evidence.put(hash, COMMITTED);
    });
  }

  block(height: bigint): { readonly block: Block; readonly encoded: Uint8Array } | undefined {
    const encoded = this.blocks.getBinary(u64be(height));
    return encoded && { block: blockMessage.decode(encoded), encoded };
  }

  extendedCommit(height: bigint): ExtendedCommit | undefined {
    const encoded = this.commits.getBinary(u64be(height));
    return encoded && extendedCommitMessage.decode(encoded);
  }

  response(height: bigint): FinalizeBlockResponse | undefined {
    const encoded = this.results.getBinary(u64be(height));
    return encoded && finalizeBlockResponseMessage.decode(encoded);
  }

  /** Members and powers of a set; its turns are those of the moment when it was stored. */
  validatorSet(hash: Uint8Array): ValidatorSet | undefined {
    const encoded = this.sets.getBinary(hash);
    if (!encoded) return undefined;
    const { validators, proposer, totalVotingPower } = validatorSetMessage.decode(encoded);
    return { validators, proposer: proposer!, totalPower: totalVotingPower };
  }

  journaled(): readonly JournaledTx[] {
    return [...this.mempool.getRange()].map(({ key, value }) => ({
      sequence: readU64be(key),
      tx: value,
    }));
  }

  async journal({ sequence, tx }: JournaledTx): Promise<void> {
    await this.mempool.put(u64be(sequence), tx);
  }

  async unjournal(sequences: readonly bigint[]): Promise<void> {
    if (sequences.length === 0) return;
    await this.root.transaction(() => {
      for (const sequence of sequences) this.mempool.remove(u64be(sequence));
    });
  }

  /** Evidence that waits, by the hash it was stored under. */
  pendingEvidence(): readonly DuplicateVoteEvidence[] {
    return [...this.evidence.getRange()]
      .filter(({ value }) => value.length > COMMITTED.length)
      .map(({ value }) => duplicateVoteEvidenceMessage.decode(value));
  }

  /** Whether this piece of evidence is known, and whether a block has it already. */
  evidenceState(hash: Uint8Array): 'unknown' | 'pending' | 'committed' {
    const value = this.evidence.getBinary(hash);
    if (!value) return 'unknown';
    return value.length > COMMITTED.length ? 'pending' : 'committed';
  }

  async saveEvidence(hash: Uint8Array, evidence: DuplicateVoteEvidence): Promise<void> {
    await this.evidence.put(hash, duplicateVoteEvidenceMessage.encode(evidence));
  }

  async dropEvidence(hash: Uint8Array): Promise<void> {
    await this.evidence.remove(hash);
  }

  async close(): Promise<void> {
    await this.root.close();
  }

  private putState(state: ChainState): void {
    this.meta.put(STATE_KEY, chainStateMessage.encode({ version: STATE_VERSION, ...state }));
    for (const set of [state.lastValidators, state.validators, state.nextValidators]) {
      if (set) this.putSet(set);
    }
  }

  private putSet({ validators, proposer, totalPower }: ValidatorSet): void {
    const hash = validatorSetHash({ validators });
    if (this.sets.doesExist(hash)) return;
    const encoded = validatorSetMessage.encode({
      validators,
      proposer,
      totalVotingPower: totalPower,
    });
    this.sets.put(hash, encoded);
  }
}
