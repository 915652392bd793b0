/**
 * The application: modules' tables behind the methods of ABCI 2.0. Engines drive it, it knows no
 * engine. State is read from the store, written to an overlay while a block executes, and becomes
 * durable in `commit` alone.
 */
import {
  type Catalogue,
  catalogue,
  type Domain,
  equalBytes,
  fromUtf8,
  isRefusal,
  type KeyValueStore,
  type Opened,
  signingDomain,
  toBinaryString,
  type Write,
} from '@palisade/core';
import type {
  Application,
  ApplySnapshotChunkRequest,
  CommitInfo,
  ExecTxResult,
  FinalizeBlockRequest,
  FinalizeBlockResponse,
  InitChainRequest,
  LoadSnapshotChunkRequest,
  OfferSnapshotRequest,
  PrepareProposalRequest,
  ProcessProposalRequest,
} from '@palisade/formats';
import { ImageKeeper } from '../image/image-keeper.ts';
import { Restoration, wipe } from '../image/restore.ts';
import type { SnapshotStore } from '../image/snapshot-store.ts';
import type { CommandHandler, Module } from '../module/module.ts';
import { processOffences, reportEquivocations } from '../offences/offences.ts';
import { params } from '../params.ts';
import { noteDisclosures } from '../randomness/randomness.ts';
import { sessionStarted } from '../sessions/queries.ts';
import { currentSession, sessions } from '../sessions/session.ts';
import { Overlay } from '../state/overlay.ts';
import { writeOf } from '../state/write-of.ts';
import { noteAttendance, powerUpdates } from '../validators/module.ts';
import { activeValidators, byAddress } from '../validators/state.ts';
import { corrupted, foreignGenesis, undecidable } from './errors.ts';
import { CODE, Execution, executeTx, refused } from './execution.ts';
import { genesisHash, parseGenesis } from './genesis.ts';
import { inlineOpener, rememberingOpener, type TxOpener } from './opener.ts';
import {
  isInBlockOrder,
  type JobFileRule,
  type OpenedTx,
  orderForBlock,
  TX_OVERHEAD,
  withinBytes,
} from './proposal.ts';
import { answerQuery } from './query.ts';
import {
  advanceRoots,
  appHashOf,
  type Committed,
  committed,
  loadRoots,
  type Roots,
} from './roots.ts';
import {
  demandedIds,
  encodeLastVotes,
  type LastVotes,
  parseExtension,
  readLastVotes,
} from './votes.ts';

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

const NO_HASH = new Uint8Array(32);
const NO_ROOTS = { logRoot: NO_HASH, fullRoot: NO_HASH };

type Block = {
  readonly execution: Execution;
  readonly overlay: Overlay;
  readonly changes: readonly Write[];
  readonly roots: Roots;
};

class ModuleApplication implements PalisadeApplication {
  readonly known: Catalogue;
  readonly domain: Domain;
  readonly modules: readonly Module[];
  readonly committed: KeyValueStore;
  readonly opener: TxOpener;
  private readonly jobFile: JobFileRule;
  private readonly handlers: ReadonlyMap<string, CommandHandler>;
  private readonly snapshots: SnapshotStore | undefined;
  private images: ImageKeeper;
  private restoration: Restoration | undefined;
  private roots: Roots;
  /** What `roots` belong to; undefined before genesis. */
  private last: Committed | undefined;
  /** The block between finalizeBlock and commit. */
  private pending: Block | undefined;
  private lastChanges: readonly Write[] = [];
  /** Where transactions are tried before they enter the mempool; made anew after each block. */
  private checking: Overlay | undefined;

  constructor({ modules, store, domain, jobFile, opener, snapshots }: ApplicationOptions) {
    this.modules = modules;
    this.committed = store;
    this.domain = domain;
    this.jobFile = jobFile;
    this.snapshots = snapshots;
    this.images = new ImageKeeper(store, snapshots);
    const handlers = modules.flatMap((module) => module.commands ?? []);
    this.handlers = new Map(handlers.map((handler) => [handler.declaration.name, handler]));
    this.known = catalogue(handlers.map(({ declaration }) => declaration));
    this.opener = rememberingOpener((opener ?? inlineOpener)(this.known, domain));
    this.last = committed.get(store);
    this.roots = loadRoots(store, this.provenStores(), this.last ?? NO_ROOTS);
    if (this.last && !equalBytes(appHashOf(this.roots), this.last.appHash)) throw corrupted();
  }

  private provenStores(): string[] {
    return this.modules.flatMap((module) => [...(module.provenStores ?? [])]);
  }

  private get hooks() {
    return this.modules.flatMap((module) => (module.hooks ? [module.hooks] : []));
  }

  async info() {
    return {
      data: 'palisade',
      version: SOFTWARE_VERSION,
      appVersion: APP_VERSION,
      lastBlockHeight: this.last?.height ?? 0n,
      lastBlockAppHash: this.last?.appHash ?? new Uint8Array(),
    };
  }

  async initChain(request: InitChainRequest) {
    const genesis = parseGenesis(JSON.parse(fromUtf8(request.appStateBytes)));
    const hash = genesisHash(genesis);
    if (!equalBytes(signingDomain(hash).separator, this.domain.separator)) throw foreignGenesis();
    if (genesis.chainId !== request.chainId || request.initialHeight !== 1n) throw foreignGenesis();
    if (this.last) return this.initialised(this.last.appHash);
    // What a restoration may have left that never came to its end.
    await wipe(this.committed);
    const overlay = new Overlay(this.committed);
    const timeMs = BigInt(genesis.timeMs);
    const execution = new Execution(overlay, 0n, timeMs);
    beginSession(execution, 0n);
    for (const module of this.modules)
      module.hooks?.genesis?.(execution, genesis.state[module.name]);
    const changes = overlay.changes();
    this.roots = advanceRoots(loadRoots(this.committed, this.provenStores(), NO_ROOTS), changes);
    const appHash = appHashOf(this.roots);
    const record = {
      height: 0n,
      timeMs,
      logRoot: this.roots.logRoot,
      fullRoot: this.roots.fullRoot,
      appHash,
      genesisHash: hash,
      chainId: genesis.chainId,
    };
    const { sessionMs } = params.need(overlay);
    const image = this.images.begin(record, this.roots, sessionMs, BigInt(changes.length));
    await this.committed.commit([...changes, ...image, writeOf(committed, [], record)]);
    this.images.committed();
    this.last = record;
    return this.initialised(appHash);
  }

  /** Genesis is written once: an engine that crashed right after asks again and hears the same. */
  private initialised(appHash: Uint8Array) {
    const validators = activeValidators(this.committed).map(({ nodeKey, validator }) => ({
      publicKey: nodeKey,
      power: validator.weight,
    }));
    return { validators, appHash };
  }

  async checkTx({ tx }: { readonly tx: Uint8Array }) {
    const [opened] = await this.opener.open([tx]);
    if (isRefusal(opened)) return refused(CODE.malformed, undefined, opened);
    const { height, timeMs } = this.begun();
    this.checking ??= new Overlay(this.committed);
    const trial = new Overlay(this.checking);
    const result = executeTx(new Execution(trial, height + 1n, timeMs), this.handlers, opened!);
    if (result.code === CODE.ok) trial.mergeInto(this.checking);
    return result;
  }

  async prepareProposal({ height, txs, maxTxBytes, localLastCommit }: PrepareProposalRequest) {
    const opened = await this.openAll(txs);
    const good = opened.filter((tx): tx is OpenedTx => tx !== undefined);
    const ordered = orderForBlock(good, this.jobFile);
    // Ordered once more: without those that have no room, a sender's jobs take other places.
    const bytesOf = (fitting: readonly OpenedTx[]) =>
      orderForBlock(fitting, this.jobFile).map(({ bytes }) => bytes);
    if (this.isFirst(height)) return { txs: bytesOf(withinBytes(ordered, maxTxBytes)) };
    const { chainId } = this.begun();
    const votes = encodeLastVotes(this.committed, chainId, height - 1n, localLastCommit);
    const read = readLastVotes(this.committed, chainId, height, votes, localLastCommit);
    const demanded = read ? demandedIds(read) : new Map<string, Uint8Array>();
    const isDemanded = ({ opened: { id } }: OpenedTx) => demanded.has(toBinaryString(id));
    // A block without them would be rejected, however many others there are.
    const byUrgency = [...ordered.filter(isDemanded), ...ordered.filter((tx) => !isDemanded(tx))];
    const left = maxTxBytes - BigInt(votes.length + TX_OVERHEAD);
    return { txs: [votes, ...bytesOf(withinBytes(byUrgency, left))] };
  }

  async processProposal(request: ProcessProposalRequest) {
    const accepted = await this.isAcceptable(request);
    return { status: accepted ? ('accept' as const) : ('reject' as const) };
  }

  private async isAcceptable(request: ProcessProposalRequest): Promise<boolean> {
    const parts = this.split(request.height, request.txs, request.proposedLastCommit);
    if (!parts) return false;
    const opened = await this.openAll(parts.txs);
    if (opened.some((tx) => tx === undefined)) return false;
    const txs = opened as OpenedTx[];
    if (!isInBlockOrder(txs, this.jobFile)) return false;
    if (!parts.votes) return true;
    const included = new Set(txs.map((tx) => toBinaryString(tx.opened.id)));
    for (const [key, id] of demandedIds(parts.votes))
      if (!included.has(key) && !this.jobFile.isOnChain(this.committed, id)) return false;
    return true;
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
    const parts = this.split(request.height, request.txs, request.decidedLastCommit);
    if (!parts) throw undecidable(request.height);
    const opened = await this.opener.open(parts.txs);
    const overlay = new Overlay(this.committed);
    const block = new Execution(overlay, request.height, request.timeNs / 1_000_000n);
    this.begin(block, request, parts.votes);
    const txResults: ExecTxResult[] = parts.votes ? [LAST_VOTES_RESULT] : [];
    for (const tx of opened)
      txResults.push(
        isRefusal(tx)
          ? refused(CODE.malformed, undefined, tx)
          : executeTx(block, this.handlers, tx as Opened),
      );
    for (const hooks of this.hooks) hooks.blockEnd?.(block);
    processOffences(block, this.hooks);
    const validatorUpdates = powerUpdates(overlay);
    const changes = overlay.changes();
    const advanced = advanceRoots(this.roots, changes);
    const roots = beginsSession(block)
      ? { ...advanced, fullRoot: await this.images.finish() }
      : advanced;
    this.pending = { execution: block, overlay, changes, roots };
    return { events: block.events, txResults, validatorUpdates, appHash: appHashOf(roots) };
  }

  /** All that happens before the transactions: evidence, votes, and the change of session. */
  private begin(block: Execution, request: FinalizeBlockRequest, votes: LastVotes | undefined) {
    reportEquivocations(
      block,
      request.misbehavior.flatMap(({ validator: { address }, height }) => {
        const validator = byAddress.get(block.state, address);
        return validator ? [{ validator, infractionHeight: height }] : [];
      }),
    );
    noteAttendance(block, request.decidedLastCommit);
    const { session } = block;
    if (block.timeMs >= session.startMs + params.need(block.state).sessionMs) {
      for (const hooks of this.hooks) hooks.sessionEnd?.(block);
      const ended = block.session;
      sessions.set(block.state, [ended.number], { ...ended, endHeight: block.height - 1n });
      beginSession(block, ended.number + 1n);
    }
    noteDisclosures(
      block,
      (votes?.disclosures ?? []).map(({ nodeKey, extension }) => ({
        nodeKey,
        commitment: extension.commitment[0],
        reveal: extension.reveal[0],
      })),
    );
    for (const hooks of this.hooks) hooks.blockStart?.(block);
    block.settleSession();
  }

  async commit() {
    const block = this.pending;
    if (!block) throw new Error('commit without a finalized block');
    const record = {
      ...this.begun(),
      height: block.execution.height,
      timeMs: block.execution.timeMs,
      logRoot: block.roots.logRoot,
      fullRoot: block.roots.fullRoot,
      appHash: appHashOf(block.roots),
    };
    const image = beginsSession(block.execution)
      ? this.images.begin(record, block.roots, params.need(block.overlay).sessionMs)
      : await this.images.writes(record.timeMs, block.changes, block.overlay);
    await this.committed.commit([...block.changes, ...image, writeOf(committed, [], record)]);
    this.images.committed();
    this.roots = block.roots;
    this.last = record;
    this.lastChanges = block.changes;
    this.pending = undefined;
    this.checking = undefined;
    return { retainHeight: 0n };
  }

  changes(): readonly Write[] {
    return this.pending?.changes ?? this.lastChanges;
  }

  async query(request: {
    readonly path: string;
    readonly data: Uint8Array;
    readonly prove: boolean;
  }) {
    return answerQuery(this.modules, this.committed, this.roots, this.last?.height ?? 0n, request);
  }

  async listSnapshots() {
    return { snapshots: (await this.snapshots?.list()) ?? [] };
  }

  async loadSnapshotChunk({ height, format, chunk }: LoadSnapshotChunkRequest) {
    const found = await this.snapshots?.load(height, format, chunk);
    return { chunk: found ?? new Uint8Array() };
  }

  async offerSnapshot(request: OfferSnapshotRequest) {
    const { genesisHash } = this.domain;
    const replica = { store: this.committed, genesisHash, provenStores: this.provenStores() };
    const offered = await Restoration.offer(replica, request);
    if (typeof offered === 'string') return { result: offered };
    this.restoration = offered;
    return { result: 'accept' as const };
  }

  async applySnapshotChunk({ index, chunk, sender }: ApplySnapshotChunkRequest) {
    const { restoration } = this;
    if (!restoration) return { result: 'abort' as const, refetchChunks: [], rejectSenders: [] };
    const { response, roots } = await restoration.apply(index, chunk, sender);
    if (response.result === 'reject-snapshot') this.restoration = undefined;
    if (!roots) return response;
    this.restoration = undefined;
    this.roots = roots;
    this.last = committed.get(this.committed);
    this.images = new ImageKeeper(this.committed, this.snapshots);
    return response;
  }

  private begun(): Committed {
    if (this.last) return this.last;
    throw new Error('the chain has no genesis yet: initChain comes first');
  }

  /** The block that carries no votes, as there was none before it. */
  private isFirst(height: bigint): boolean {
    return height === 1n;
  }

  /** A block's last votes and its transactions; undefined when the votes are not what they must be. */
  private split(height: bigint, txs: readonly Uint8Array[], commit: CommitInfo) {
    if (this.isFirst(height)) return { votes: undefined, txs };
    const { chainId } = this.begun();
    const votes = readLastVotes(this.committed, chainId, height, txs[0], commit);
    return votes ? { votes, txs: txs.slice(1) } : undefined;
  }

  private async openAll(txs: readonly Uint8Array[]): Promise<(OpenedTx | undefined)[]> {
    const opened = await this.opener.open(txs);
    return opened.map((tx, i) =>
      isRefusal(tx) ? undefined : { bytes: txs[i]!, opened: tx as Opened },
    );
  }
}

const LAST_VOTES_RESULT: ExecTxResult = {
  code: CODE.ok,
  data: new Uint8Array(),
  log: '',
  info: 'last votes',
  gasWanted: 0n,
  gasUsed: 0n,
  events: [],
  codespace: '',
};

function beginSession(block: Execution, number: bigint): void {
  sessions.set(block.state, [number], {
    number,
    startHeight: block.height,
    startMs: block.timeMs,
    endHeight: 0n,
    randomness: NO_HASH,
    randomnessHeight: 0n,
  });
  currentSession.set(block.state, [], number);
  block.emit(sessionStarted, { session: number, startMs: block.timeMs });
}

/** Whether this is the first block of a session. */
function beginsSession({ session, height }: Execution): boolean {
  return session.startHeight === height;
}
