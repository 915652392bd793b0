/**
 * Follows contracts on the root chain. Logs are handed out in the order of (block, index), each once, and
 * only when they are `margin` blocks old, so that an ordinary reorganisation changes nothing. Nothing is
 * handed out that does not fit to what came before; a node that fails, lies or lags is asked again for
 * ever. Should the chain change below the margin after all, a `rewind` names the last block that holds.
 *
 *   for await (const step of follow({ rpc, contracts, sources: bindings(contracts), resume })) {
 *     if (step.kind === 'rewind') await store.rollBack(step.checkpoint);
 *     else await store.apply(step.logs, step.checkpoint);
 *   }
 */
import { PalisadeError } from '@palisade/core';
import { BATCH_BLOCKS, BELIEVE_AFTER, FINALITY_MARGIN, POLL_MS } from '../params.ts';
import { trouble } from '../rpc/errors.ts';
import { type OnTrouble, type Patience, patiently, WAITING, type Waiting } from '../rpc/patient.ts';
import type { Rpc } from '../rpc/rpc.ts';
import { type BlockHeader, blockAt, chainIdQuestion, headBlock } from '../rpc/shapes.ts';
import type { RootContracts } from '../schema.ts';
import { type Checkpoint, firstCheckpoint, thinned } from './checkpoint.ts';
import { brokenChain, Contradictions } from './contradictions.ts';
import type { RootLog, Sources } from './log.ts';
import { type Batch, readBatch } from './read-batch.ts';
import { Witness } from './witness.ts';

/** Progress: the logs of all blocks behind the checkpoint before, up to this one. */
export type Blocks<S extends Sources> = {
  readonly kind: 'blocks';
  readonly logs: readonly RootLog<S>[];
  /** Store it with what was made of the logs. */
  readonly checkpoint: Checkpoint;
  /** Unix seconds of the checkpoint's block. */
  readonly timestamp: bigint;
  /** The head of the root chain when this was read: number, and Unix seconds. */
  readonly head: { readonly height: bigint; readonly timestamp: bigint };
};

/** Everything behind `checkpoint` is void and will be handed out again. */
export type Rewind = { readonly kind: 'rewind'; readonly checkpoint: Checkpoint };

export type Step<S extends Sources> = Blocks<S> | Rewind;

export type FollowOptions<S extends Sources> = {
  readonly rpc: Rpc;
  /**
   * A node of somebody else: a batch counts only when this one tells the same logs. What it was silent at is compared
   * when it answers; `witnessed` of a checkpoint says how far that is done. It must not be asked through `rpc`.
   */
  readonly witness?: Rpc;
  readonly contracts: RootContracts;
  /** What to follow; usually `bindings(contracts)`. */
  readonly sources: S;
  /** Checkpoints from earlier, oldest first; the last is where to go on. Empty: from the deployment. */
  readonly resume?: readonly Checkpoint[];
  /** Blocks after which a log counts. */
  readonly margin?: bigint;
  readonly batchBlocks?: bigint;
  readonly pollMs?: number;
  /** Ends the following, quietly. */
  readonly signal?: AbortSignal;
  readonly onTrouble?: OnTrouble;
  readonly waiting?: Waiting;
  /** The first pause after a failure, ms. */
  readonly firstPauseMs?: number;
};

/** Endless; ends by `signal`, or throws when this cannot be the chain that was followed before. */
export async function* follow<S extends Sources>(
  options: FollowOptions<S>,
): AsyncGenerator<Step<S>, void, void> {
  const follower = new Follower(options);
  try {
    const first = await follower.begin();
    if (first) yield first;
    for (;;) yield await follower.next();
  } catch (error) {
    if (!options.signal?.aborted) throw error;
  }
}

class Follower<S extends Sources> {
  readonly #options: FollowOptions<S>;
  readonly #patience: Patience;
  readonly #waiting: Waiting;
  /** Asks each question until it is answered; what is tried again as a whole is a contradiction. */
  readonly #patient: Rpc;
  readonly #contradictions = new Contradictions();
  /** From when there is a checkpoint on. */
  #witness: Witness | undefined;
  /** Oldest first, the newest is where we are. */
  #checkpoints: readonly Checkpoint[];
  /** The newest checkpoint whose counters were the contract's own; where lost logs begin at the earliest. */
  #counted: Checkpoint | undefined;
  /** Blocks of the next question; fewer after a node said that it was too much. */
  #span: bigint;

  constructor(options: FollowOptions<S>) {
    this.#options = options;
    const { rpc, signal } = options;
    this.#patient = {
      ask: (question) => this.#ask(() => rpc.ask(question, signal)),
      get node() {
        return rpc.node;
      },
    };
    this.#waiting = options.waiting ?? WAITING;
    this.#patience = {
      signal: options.signal,
      onTrouble: options.onTrouble,
      waiting: this.#waiting,
      firstPauseMs: options.firstPauseMs,
    };
    this.#checkpoints = [...(options.resume ?? [])];
    this.#span = options.batchBlocks ?? BATCH_BLOCKS;
  }

  /** Where it begins from scratch: the block before the deployment, behind which no rewind has to go. */
  async begin(): Promise<Blocks<S> | undefined> {
    const { contracts } = this.#options;
    const chainId = await this.#patient.ask(chainIdQuestion);
    if (chainId !== BigInt(contracts.chainId))
      throw new PalisadeError({
        code: 'rootchain/other-chain',
        message: `The root-chain node is of chain ${chainId}, but the contracts are on ${contracts.chainId}.`,
        next: 'Name an RPC address of the right chain.',
      });
    const newest = this.#checkpoints.at(-1);
    if (newest) {
      this.#witness = this.#openWitness(newest);
      return undefined;
    }
    const height = contracts.deployedAt - 1n;
    const last = await this.#ask(() => this.#known(height));
    const head = await this.#patient.ask(headBlock);
    const checkpoint = firstCheckpoint(height, last.hash);
    this.#witness = this.#openWitness(checkpoint);
    return this.#accept({ logs: [], last, checkpoint }, head);
  }

  #openWitness(checkpoint: Checkpoint): Witness | undefined {
    const { witness, sources, batchBlocks = BATCH_BLOCKS, signal, onTrouble } = this.#options;
    if (witness === undefined) return undefined;
    const addresses = Object.values(sources).map(({ address }) => address);
    const parts = { rpc: this.#patient, witness, addresses, batchBlocks, signal, onTrouble };
    return new Witness(parts, checkpoint);
  }

  async next(): Promise<Step<S>> {
    for (;;) {
      const step = await this.#ask(() => this.#look());
      if (step) return step;
    }
  }

  /**
   * One try. It asks for the head anew: a node need not have for ever what one range was asked for, be it that its blocks
   * were taken back or that their states were thrown away.
   */
  async #look(): Promise<Step<S> | undefined> {
    const head = await this.#patient.ask(headBlock);
    const last = this.#checkpoints.at(-1)!;
    const target = head.number - (this.#options.margin ?? FINALITY_MARGIN);
    if ((await this.#witness?.catchUp(this.#checkpoints)) === false) return this.#rewind('witness');
    if (target > last.height) {
      const to = target - last.height > this.#span ? last.height + this.#span : target;
      // States further below the head are gone from most nodes; what is missing there shows later.
      return this.#attempt(last, to, head, to === target);
    }
    // The head went back: nobody knows how far the chain did, but of what it has.
    const below = this.#checkpoints.findLast(({ height }) => height <= head.number);
    const now =
      target < last.height && below ? await this.#patient.ask(blockAt(below.height)) : undefined;
    if (now && now.hash !== below?.hash) return this.#doubt(brokenChain(now.number, now.hash));
    if (!this.#witness?.isCatchingUp)
      await this.#waiting.sleep(this.#options.pollMs ?? POLL_MS, this.#options.signal);
    return undefined;
  }

  /** One batch; undefined when it has to be cut into smaller ones. */
  async #attempt(
    last: Checkpoint,
    to: bigint,
    head: BlockHeader,
    counted: boolean,
  ): Promise<Step<S> | undefined> {
    const { sources, contracts } = this.#options;
    const reading = {
      rpc: this.#patient,
      sources,
      framework: contracts.framework,
      witness: this.#witness,
    };
    try {
      const batch = await readBatch(reading, last, to, counted);
      if (counted) this.#counted = batch.checkpoint;
      return this.#accept(batch, head);
    } catch (error) {
      const refused = error instanceof PalisadeError && error.code === 'rootchain/refused';
      if (!refused) return this.#doubt(error);
      // A node that refuses a range may grant half of it; one block it has to grant some day.
      const single = to === last.height + 1n;
      if (!single) this.#span = (to - last.height + 1n) / 2n;
      else await this.#wait(error);
      return undefined;
    }
  }

  /** Throws it, so that it is tried again, until the same contradiction was met so often that it is the truth. */
  async #doubt(error: unknown): Promise<Rewind | undefined> {
    const kind = this.#contradictions.believe(error, BELIEVE_AFTER);
    if (kind === undefined) throw error;
    return this.#rewind(kind);
  }

  #accept(batch: Batch<S>, head: BlockHeader): Blocks<S> {
    const { checkpoint, last, logs } = batch;
    this.#contradictions.clear();
    this.#checkpoints = thinned([...this.#checkpoints, checkpoint]);
    const most = this.#options.batchBlocks ?? BATCH_BLOCKS;
    this.#span = this.#span * 2n > most ? most : this.#span * 2n;
    return {
      kind: 'blocks',
      logs,
      checkpoint,
      timestamp: last.timestamp,
      head: { height: head.number, timestamp: head.timestamp },
    };
  }

  /** Goes back: to the newest checkpoint that the chain still has, or behind which logs can be missing. */
  async #rewind(kind: 'block' | 'logs' | 'witness'): Promise<Rewind | undefined> {
    this.#contradictions.clear();
    const newest = this.#checkpoints.at(-1)!;
    // Without a counted one nothing but the first is beyond doubt.
    const first = this.#checkpoints[0]!;
    const sure = { block: newest, logs: this.#counted ?? first, witness: this.#witness?.confirmed };
    const end = (sure[kind] ?? first).height;
    const kept = this.#checkpoints.filter(({ height }) => height <= end);
    const head = await this.#patient.ask(headBlock);
    while (kept.length > 0) {
      const { height, hash } = kept.at(-1)!;
      if (height <= head.number && (await this.#ask(() => this.#known(height))).hash === hash)
        break;
      kept.pop();
    }
    const checkpoint = kept.at(-1);
    if (checkpoint === undefined)
      throw new PalisadeError({
        code: 'rootchain/other-chain',
        message: `None of the ${this.#checkpoints.length} root-chain blocks that were followed is on the chain any more.`,
        data: { height: newest.height },
        next: 'Check that the RPC address is of the same chain; then sync from the beginning.',
      });
    this.#checkpoints = kept;
    this.#witness?.rewind(checkpoint);
    if (this.#counted && this.#counted.height > checkpoint.height) this.#counted = undefined;
    return checkpoint === newest ? undefined : { kind: 'rewind', checkpoint };
  }

  async #known(height: bigint): Promise<BlockHeader> {
    const block = await this.#options.rpc.ask(blockAt(height), this.#options.signal);
    if (block === undefined)
      throw trouble('inconsistent', `The root-chain node does not have block ${height} yet.`);
    return block;
  }

  #ask<T>(work: () => Promise<T>): Promise<T> {
    return patiently(work, this.#patience);
  }

  async #wait(error: PalisadeError): Promise<void> {
    const pauseMs = this.#options.pollMs ?? POLL_MS;
    this.#options.onTrouble?.(error, 1, pauseMs);
    await this.#waiting.sleep(pauseMs, this.#options.signal);
  }
}
