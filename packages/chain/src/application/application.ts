/**
 * The application: modules' tables behind the methods of ABCI 2.0. Engines drive it, it knows no
 * engine. State is read from the store, written to an overlay while a block executes, and becomes
 * durable in `commit` alone.
 *
 * Each subject has its file: `opener` (form and signatures), `mempool`, `proposing`, `votes`,
 * `block` and `execution` (what blocks and transactions do), `tip` and `roots` (what is committed),
 * `query`, `state-sync`.
 */
import {
  type Catalogue,
  type Domain,
  equalBytes,
  fromUtf8,
  type KeyValueStore,
  signingDomain,
  type Write,
} from '@palisade/core';
import type {
  Application,
  ApplySnapshotChunkRequest,
  FinalizeBlockRequest,
  FinalizeBlockResponse,
  InitChainRequest,
  LoadSnapshotChunkRequest,
  OfferSnapshotRequest,
  PrepareProposalRequest,
  ProcessProposalRequest,
  QueryRequest,
} from '@palisade/formats';
import { wipe } from '../image/restore.ts';
import type { SnapshotStore } from '../image/snapshot-store.ts';
import type { Module } from '../module/module.ts';
import { type ModuleTable, moduleTable } from '../module/module-table.ts';
import { Overlay } from '../state/overlay.ts';
import { activeValidators } from '../validators/state.ts';
import { executeBlock, executeGenesis } from './block.ts';
import { foreignGenesis, undecidable } from './errors.ts';
import { Execution } from './execution.ts';
import { type Genesis, genesisHash, parseGenesis } from './genesis.ts';
import { MempoolTrial } from './mempool.ts';
import { inlineOpener, rememberingOpener, type TxOpener } from './opener.ts';
import type { JobFileRule } from './proposal.ts';
import { Proposals } from './proposing.ts';
import { answerQuery } from './query.ts';
import { appHashOf } from './roots.ts';
import { StateSync } from './state-sync.ts';
import { type ExecutedBlock, Tip } from './tip.ts';
import { parseExtension } from './votes.ts';

/** Versions that `info` reports; the second changes with any change of what a block does. */
const SOFTWARE_VERSION = '0.1.0';
const APP_VERSION = 1n;

export type ApplicationOptions = {
  readonly modules: readonly Module[];
  readonly store: KeyValueStore;
  readonly domain: Domain;
  readonly jobFile: JobFileRule;
  /** Checks signatures; on the calling thread where none is given. */
  readonly opener?: (known: Catalogue, domain: Domain) => TxOpener;
  /** Where a snapshot of each session is kept; without it none are made. */
  readonly snapshots?: SnapshotStore;
};

/** The application, and what its host may look at beyond ABCI. */
export type PalisadeApplication = Application & {
  readonly known: Catalogue;
  readonly domain: Domain;
  readonly modules: readonly Module[];
  /** Committed state, for queries and services of the same process. */
  readonly committed: KeyValueStore;
  /** Opens transactions with the cache that blocks use. */
  readonly opener: TxOpener;
  /** Sorted changes of the last finalized block, to find where two replicas part. */
  changes(): readonly Write[];
};

export function createApplication(options: ApplicationOptions): PalisadeApplication {
  return new ModuleApplication(options);
}

class ModuleApplication implements PalisadeApplication {
  readonly domain: Domain;
  readonly opener: TxOpener;
  private readonly table: ModuleTable;
  private readonly tip: Tip;
  private readonly mempool: MempoolTrial;
  private readonly proposals: Proposals;
  private readonly sync: StateSync;
  /** The block between finalizeBlock and commit. */
  private pending: ExecutedBlock | undefined;
  private lastChanges: readonly Write[] = [];

  constructor({ modules, store, domain, jobFile, opener, snapshots }: ApplicationOptions) {
    this.domain = domain;
    this.table = moduleTable(modules);
    this.opener = rememberingOpener((opener ?? inlineOpener)(this.known, domain));
    this.tip = new Tip(store, this.table.provenStores, snapshots);
    this.mempool = new MempoolTrial(this.tip, this.table, this.opener);
    this.proposals = new Proposals(this.tip, this.opener, jobFile);
    this.sync = new StateSync(this.tip, domain.genesisHash, snapshots);
  }

  get modules(): readonly Module[] {
    return this.table.modules;
  }

  get known(): Catalogue {
    return this.table.known;
  }

  get committed(): KeyValueStore {
    return this.tip.state;
  }

  async info() {
    return {
      data: 'palisade',
      version: SOFTWARE_VERSION,
      appVersion: APP_VERSION,
      lastBlockHeight: this.tip.last?.height ?? 0n,
      lastBlockAppHash: this.tip.last?.appHash ?? new Uint8Array(),
    };
  }

  async initChain({ appStateBytes, chainId, initialHeight }: InitChainRequest) {
    const genesis = parseGenesis(JSON.parse(fromUtf8(appStateBytes)));
    const hash = genesisHash(genesis);
    if (!equalBytes(signingDomain(hash).separator, this.domain.separator)) throw foreignGenesis();
    if (genesis.chainId !== chainId || initialHeight !== 1n) throw foreignGenesis();
    // Genesis is written once: an engine that crashed right after asks again and hears the same.
    if (!this.tip.last) await this.begin(genesis, hash);
    const validators = activeValidators(this.committed).map(({ nodeKey, validator }) => ({
      publicKey: nodeKey,
      power: validator.weight,
    }));
    return { validators, appHash: this.tip.begun.appHash };
  }

  private async begin(genesis: Genesis, hash: Uint8Array): Promise<void> {
    // What a restoration may have left that never came to its end.
    await wipe(this.committed);
    const overlay = new Overlay(this.committed);
    const execution = new Execution(overlay, 0n, BigInt(genesis.timeMs));
    executeGenesis(execution, this.table, genesis);
    const { chainId } = genesis;
    await this.tip.commitGenesis(execution, overlay, { genesisHash: hash, chainId });
  }

  async checkTx({ tx }: { readonly tx: Uint8Array }) {
    return this.mempool.check(tx);
  }

  async prepareProposal(request: PrepareProposalRequest) {
    return { txs: await this.proposals.prepare(request) };
  }

  async processProposal(request: ProcessProposalRequest) {
    const accepted = await this.proposals.accepts(request);
    return { status: accepted ? ('accept' as const) : ('reject' as const) };
  }

  /** What a validator says of a block is its own affair: `extendVoteAs` of its service says it. */
  async extendVote() {
    return { voteExtension: new Uint8Array() };
  }

  async verifyVoteExtension({ voteExtension }: { readonly voteExtension: Uint8Array }) {
    const parsed = parseExtension(voteExtension);
    return { status: parsed ? ('accept' as const) : ('reject' as const) };
  }

  async finalizeBlock(request: FinalizeBlockRequest): Promise<FinalizeBlockResponse> {
    const { height, timeNs, txs, decidedLastCommit } = request;
    const parts = this.proposals.split(height, txs, decidedLastCommit);
    if (!parts) throw undecidable(height);
    const opened = await this.opener.open(parts.txs);
    const overlay = new Overlay(this.committed);
    const block = new Execution(overlay, height, timeNs / 1_000_000n, request.hash);
    const results = executeBlock(block, this.table, request, parts.votes, opened);
    this.pending = await this.tip.sumUp(block, overlay);
    return { ...results, events: block.events, appHash: appHashOf(this.pending.roots) };
  }

  async commit() {
    const block = this.pending;
    if (!block) throw new Error('commit without a finalized block');
    await this.tip.commit(block);
    this.lastChanges = block.changes;
    this.pending = undefined;
    this.mempool.startOver();
    return { retainHeight: 0n };
  }

  changes(): readonly Write[] {
    return this.pending?.changes ?? this.lastChanges;
  }

  async query(request: QueryRequest) {
    const { roots, last } = this.tip;
    return answerQuery(this.modules, this.committed, roots, last?.height ?? 0n, request);
  }

  async listSnapshots() {
    return { snapshots: await this.sync.list() };
  }

  async loadSnapshotChunk(request: LoadSnapshotChunkRequest) {
    return { chunk: await this.sync.load(request) };
  }

  async offerSnapshot(request: OfferSnapshotRequest) {
    return this.sync.offer(request);
  }

  async applySnapshotChunk(request: ApplySnapshotChunkRequest) {
    return this.sync.apply(request);
  }
}
