/**
 * The embedded engine: consensus of the validators whose keys one process holds, with genuine CometBFT
 * v0.38 headers, votes and commits, so that light clients, relayers and bridges cannot tell the
 * difference. It is for development and for chains with a single operator. It is NOT Byzantine fault
 * tolerant across machines: whoever runs the process holds every key.
 *
 * A height: propose -> processProposal (primary and shadow) -> votes -> SAVE block and commit ->
 * finalizeBlock (both, compared) -> SAVE results and state -> commit (both) -> recheck the mempool.
 *
 * No double signing, not even across a crash. Signatures are made in memory and handed to nobody
 * before the block and the commit they belong to are durable (the first SAVE): the application sees
 * those of height H in the proposal for H + 1, and the methods of the engine read from the store. If
 * the process dies before the SAVE, the signatures die with it unseen, and a block made anew has the
 * only ones. If it dies after, the start finds the block and finishes it; it never proposes for that
 * height again. This holds as long as one process at a time has the data folder.
 *
 * Crash safety otherwise: the results are saved before the application commits, so at start it is at
 * most behind the store and catches up by the stored blocks; if it is ahead, blocks were lost and it
 * is refused.
 */
import { PalisadeError, toHex } from '@palisade/core';
import type { DuplicateVoteEvidence, QueryRequest } from '@palisade/formats';
import type { BlockListener, CommittedBlock, Engine, EngineStatus } from '../engine.ts';
import { apply } from './apply.ts';
import { BlockStore } from './block-store.ts';
import type { ChainState } from './chain-state.ts';
import { nextHeight } from './chain-state.ts';
import { decide } from './decide.ts';
import { DivergenceError } from './divergence.ts';
import { EvidencePool } from './evidence-pool.ts';
import { checkGenesis, genesisHash } from './genesis.ts';
import { Mempool } from './mempool.ts';
import type { EmbeddedOptions, Limits, Notice } from './options.ts';
import { DEFAULT_LIMITS } from './options.ts';
import { storedBlock, storedCommit, validatorsAt } from './read.ts';
import { bringUp } from './replay.ts';
import type { Running } from './running.ts';
import { reach } from './running.ts';
import { ShadowKeeper } from './shadow.ts';
import { Ticker } from './ticker.ts';
import type { Signers } from './votes.ts';
import { signersOf } from './votes.ts';

/** An engine that also makes a block when told to: for tests, and for control of time. */
export type EmbeddedEngine = Engine & {
  /** Makes the next block now, empty or not; resolves once it is committed. */
  produce(): Promise<CommittedBlock>;
  /** Transactions that wait for a block, in order of arrival; after a start, those of the journal. */
  waiting(): readonly Uint8Array[];
};

/** What the command line shows at start-up. */
export const EMBEDDED_DESCRIPTION =
  'embedded engine: one process holds every validator key. For development and single-operator use; not Byzantine fault tolerant across machines.';

/** Makes an embedded engine; nothing happens before `start`. */
export function createEmbeddedEngine(options: EmbeddedOptions): EmbeddedEngine {
  return new Driver(options);
}

class Driver implements EmbeddedEngine {
  readonly description = EMBEDDED_DESCRIPTION;
  private readonly options: EmbeddedOptions;
  private readonly limits: Limits;
  private readonly signers: Signers;
  private readonly hostedKeys: ReadonlySet<string>;
  private readonly listeners = new Set<BlockListener>();
  private running: Running | undefined;
  private failure: PalisadeError | undefined;
  private ticker: Ticker | undefined;
  private started = false;
  private stopping = false;
  /** Heights are made one after the other, whoever asks for them. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(options: EmbeddedOptions) {
    this.options = options;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.signers = signersOf(options.hostedKeys, options.clock);
    this.hostedKeys = new Set([...this.signers.values()].map(({ publicKey }) => toHex(publicKey)));
  }

  async start(): Promise<void> {
    if (this.started)
      throw stopped('This engine was started before; make a new one to start again');
    this.started = true;
    const store = new BlockStore(`${this.options.dataDir}/engine`);
    try {
      await this.open(store);
    } catch (error) {
      await this.running?.shadow?.close();
      this.running = undefined;
      await store.close();
      throw error;
    }
    if (this.options.blockTimeMs > 0) {
      this.ticker = new Ticker(this.options.blockTimeMs, () => this.tick());
      this.ticker.start();
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.ticker?.stop();
    await this.queue.catch(() => undefined);
    const running = this.running;
    await running?.mempool.drain();
    this.running = undefined;
    await running?.shadow?.close();
    await running?.store.close();
  }

  async submit(tx: Uint8Array) {
    return this.live().mempool.submit(tx);
  }

  async submitEvidence(evidence: DuplicateVoteEvidence) {
    const { evidence: pool, state } = this.live();
    return pool.submit(state, evidence);
  }

  async status(): Promise<EngineStatus> {
    const { state, mempool, shadow } = this.opened();
    const failure = this.failure;
    return {
      driver: 'embedded',
      description: this.description,
      chainId: state.chainId,
      running: failure === undefined && !this.stopping,
      ...(failure && {
        failure: { code: failure.code, message: failure.message, retry: failure.retry },
      }),
      initialHeight: state.initialHeight,
      height: nextHeight(state) - 1n,
      blockId: state.lastBlockId,
      blockTimeNs: state.lastBlockTimeNs,
      appHash: state.appHash,
      hosted: [...this.signers.values()].map(({ address }) => address),
      mempool: mempool.size(),
      ...(shadow && { shadow: shadow.status() }),
    };
  }

  async block(height: bigint) {
    const { store, state } = this.opened();
    return height <= state.lastHeight ? storedBlock(store, height) : undefined;
  }

  async blockResults(height: bigint) {
    const { store, state } = this.opened();
    return height <= state.lastHeight ? store.response(height) : undefined;
  }

  async commit(height: bigint) {
    const { store, state } = this.opened();
    return height <= state.lastHeight ? storedCommit(store, state, height) : undefined;
  }

  async validators(height: bigint) {
    const { store, state } = this.opened();
    return validatorsAt(store, state, height);
  }

  onBlock(listener: BlockListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async query(request: QueryRequest) {
    return this.options.application.query(request);
  }

  waiting() {
    return this.opened().mempool.waiting();
  }

  async produce(): Promise<CommittedBlock> {
    this.live();
    const made = this.queue.then(() => this.makeHeight());
    this.queue = made.catch(() => undefined);
    return made;
  }

  private async open(store: BlockStore): Promise<void> {
    const { application, genesis } = this.options;
    checkGenesis(genesis);
    await store.claim(genesisHash(genesis));
    const state = await bringUp(application, store, genesis, this.hostedKeys);
    const running = this.assemble(store, state);
    this.running = running;
    await this.watched(async () => {
      await running.shadow?.start(state.lastHeight);
      await this.finishDecided(running);
    });
    await running.mempool.load();
    const last = store.block(running.state.lastHeight);
    if (last) await this.tellSources(running.state.lastHeight, last.block.txs);
  }

  private assemble(store: BlockStore, state: ChainState): Running {
    const { options, limits, signers, hostedKeys, notice: onNotice } = this;
    const { application: primary, genesis, shadow: wanted } = options;
    return {
      ...{ options, limits, signers, hostedKeys, store, onNotice, state },
      mempool: new Mempool(primary, store, limits, options.onDropped),
      evidence: new EvidencePool(store),
      shadow: wanted && new ShadowKeeper(wanted, { primary, store, genesis, onNotice }),
    };
  }

  /** A block that was decided and saved, but whose results were not, is finished and not made anew. */
  private async finishDecided(running: Running): Promise<void> {
    const height = nextHeight(running.state);
    const decided = storedBlock(running.store, height);
    const commit = decided && running.store.extendedCommit(height);
    if (commit) await apply(running, decided, commit);
  }

  private async tick(): Promise<void> {
    if (!this.failure && !this.stopping) await this.produce().catch(() => undefined);
  }

  private async makeHeight(): Promise<CommittedBlock> {
    if (this.failure) throw this.failure;
    const running = this.opened();
    return this.watched(async () => {
      const { proposal, commit } = await decide(running);
      const { block, blockId, encoded } = proposal;
      const { height } = block.header;
      await reach(running, 'before-save', height);
      await running.store.saveBlock(block, encoded, commit);
      await reach(running, 'after-save', height);
      const made = await apply(running, { block, blockId, size: encoded.length }, commit);
      this.tellListeners(made);
      await this.tellSources(height, block.txs);
      await running.shadow?.rotate(height);
      return made;
    });
  }

  /** Whatever goes wrong inside a height ends the making of blocks: guessing on would be worse. */
  private async watched<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const error = asFailure(cause);
      this.failure = error;
      this.ticker?.stop();
      if (error instanceof DivergenceError) this.options.onDivergence?.(error.divergence);
      this.options.onFailure?.(error);
      throw error;
    }
  }

  private tellListeners(made: CommittedBlock): void {
    const report = (cause: unknown) => {
      const message = `Someone who follows the blocks failed: ${messageOf(cause)}`;
      this.notice({ code: 'engine/listener-failed', message });
    };
    for (const listener of this.listeners) {
      try {
        Promise.resolve(listener(made)).catch(report);
      } catch (cause) {
        report(cause);
      }
    }
  }

  private async tellSources(height: bigint, txs: readonly Uint8Array[]): Promise<void> {
    for (const source of this.options.proposalSources ?? []) {
      try {
        await source.committed?.(height, txs);
      } catch (cause) {
        const message = `A source of transactions could not take note of block ${height}: ${messageOf(cause)}`;
        this.notice({ code: 'engine/source-failed', message, data: { height } });
      }
    }
  }

  private readonly notice = (notice: Notice): void => this.options.onNotice?.(notice);

  /** The engine while it has its store open, even after a failure: to be read from. */
  private opened(): Running {
    if (this.running) return this.running;
    throw stopped('The engine is not running');
  }

  /** The engine while it makes blocks. */
  private live(): Running {
    if (this.failure) throw this.failure;
    if (this.stopping) throw stopped('The engine is stopping');
    return this.opened();
  }
}

function stopped(message: string): PalisadeError {
  return new PalisadeError({ code: 'engine/stopped', message: `${message}.`, retry: 'later' });
}

function asFailure(cause: unknown): PalisadeError {
  if (cause instanceof PalisadeError) return cause;
  return new PalisadeError({
    code: 'engine/failed',
    message: `Making a block failed: ${messageOf(cause)}`,
    next: 'Start again; a block that was decided will be finished.',
    cause,
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
