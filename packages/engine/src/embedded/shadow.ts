/**
 * The shadow: a second replica that runs every block beside the primary and is compared with it at
 * every height. Now and then a cold one takes its place, restored from a snapshot of the primary and
 * the blocks since; that finds what a warm replica hides, such as state that lives only in memory.
 */
import { equalBytes, PalisadeError } from '@palisade/core';
import type { Application, FinalizeBlockRequest, Snapshot } from '@palisade/formats';
import type { BlockStore } from './block-store.ts';
import { DivergenceError } from './divergence.ts';
import type { Genesis, Notice, Shadow, ShadowOptions } from './options.ts';
import { catchUp } from './replay.ts';
import { INFO_REQUEST } from './requests.ts';

type Surroundings = {
  readonly primary: Application;
  readonly store: BlockStore;
  readonly genesis: Genesis;
  readonly onNotice: (notice: Notice) => void;
};

/** Keeps one shadow at the engine's height, and replaces it. */
export class ShadowKeeper {
  private current: Shadow | undefined;
  private height = 0n;
  private restarts = 0;
  private lastRestart = 0n;
  private successor: Promise<Shadow | PalisadeError> | undefined;
  private ready: Shadow | PalisadeError | undefined;
  private readonly closing = new AbortController();
  private readonly options: ShadowOptions;
  private readonly around: Surroundings;

  constructor(options: ShadowOptions, around: Surroundings) {
    this.options = options;
    this.around = around;
  }

  get replica() {
    return this.current?.application;
  }

  status(): { readonly height: bigint; readonly restarts: number } {
    return { height: this.height, restarts: this.restarts };
  }

  /** Makes the first shadow and brings it to `height`; 0 before the first block. */
  async start(height: bigint): Promise<void> {
    this.current = await this.coldReplica().catch((error: unknown) => this.fromGenesis(error));
    this.height = height;
    this.lastRestart = height;
  }

  /** Where a snapshot cannot be used there are still all the blocks. */
  private async fromGenesis(error: unknown): Promise<Shadow> {
    if (!isRefused(error)) throw error;
    const { store, genesis, onNotice } = this.around;
    onNotice({ code: error.code, message: `${error.message} All blocks are run again instead.` });
    const height = store.state()!.lastHeight;
    const shadow = await this.options.make();
    await named(height, () => catchUp(shadow.application, store, genesis, height));
    return shadow;
  }

  async finalize(request: FinalizeBlockRequest) {
    return this.current!.application.finalizeBlock(request);
  }

  async commit(height: bigint): Promise<void> {
    await this.current!.application.commit({});
    this.height = height;
  }

  /** Between two heights: begins to raise a successor when it is time, and lets a ready one take over. */
  async rotate(height: bigint): Promise<void> {
    const every = this.options.restartEvery;
    if (every === undefined) return;
    if (!this.successor && height - this.lastRestart >= BigInt(every)) this.raise();
    if (this.ready instanceof PalisadeError) this.giveUp(this.ready, height);
    else if (this.ready) await this.replace(this.ready, height);
  }

  async close(): Promise<void> {
    this.closing.abort();
    const raised = await this.successor;
    if (raised && !(raised instanceof PalisadeError)) await raised.close?.();
    await this.current?.close?.();
    this.current = undefined;
  }

  /** In the background: a long chain takes longer to run again than a block may wait. */
  private raise(): void {
    this.successor = this.coldReplica().then(
      (shadow) => {
        this.ready = shadow;
        return shadow;
      },
      (error: unknown) => {
        this.ready = asError(error);
        return this.ready;
      },
    );
  }

  private async coldReplica(): Promise<Shadow> {
    const { primary, store, genesis } = this.around;
    const shadow = await this.options.make();
    try {
      const height = store.state()!.lastHeight;
      await named(height, async () => {
        await restoreLatest(primary, shadow.application, store);
        await catchUp(shadow.application, store, genesis, height, this.closing.signal);
      });
    } catch (error) {
      await shadow.close?.();
      throw error;
    }
    return shadow;
  }

  private async replace(shadow: Shadow, height: bigint): Promise<void> {
    const { store, genesis } = this.around;
    await named(height, () => catchUp(shadow.application, store, genesis, height));
    await this.current?.close?.();
    this.current = shadow;
    this.height = height;
    this.restarts++;
    this.settle(height);
  }

  /** A cold replica that disagrees is a divergence; one that could not be made is tried again later. */
  private giveUp(error: PalisadeError, height: bigint): void {
    this.settle(height);
    if (error instanceof DivergenceError) throw error;
    this.around.onNotice({
      code: 'engine/shadow-restart-failed',
      message: `No cold replica could be made: ${error.message}`,
      data: { height },
    });
  }

  private settle(height: bigint): void {
    this.ready = undefined;
    this.successor = undefined;
    this.lastRestart = height;
  }
}

/** Where the shadow's run differs from what the primary answered, that is a divergence. */
async function named(height: bigint, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const told = error instanceof PalisadeError && DIFFERENCES.has(error.code);
    if (!told) throw error;
    const at = typeof error.data.height === 'bigint' ? error.data.height : height;
    const message = `A cold replica does not come to what the primary answered: ${error.message}`;
    throw new DivergenceError({ height: at, message });
  }
}

const DIFFERENCES = new Set([
  'engine/replay-differs',
  'engine/other-state',
  'engine/snapshot-differs',
]);

/** Restores the primary's newest snapshot, if it has any that the store has blocks for. */
async function restoreLatest(
  primary: Application,
  replica: Application,
  store: BlockStore,
): Promise<void> {
  const { lastBlockHeight } = await replica.info(INFO_REQUEST);
  if (lastBlockHeight !== 0n) return;
  const { snapshots } = await primary.listSnapshots({});
  const newest = snapshots
    .filter(({ height }) => store.response(height) !== undefined)
    .reduce<Snapshot | undefined>((a, b) => (a && a.height >= b.height ? a : b), undefined);
  if (!newest) return;
  const { appHash } = store.response(newest.height)!;
  const offered = await replica.offerSnapshot({ snapshot: newest, appHash });
  if (offered.result !== 'accept') throw refusedPiece(newest.height, 'The offer', offered.result);
  for (let index = 0; index < newest.chunks; index++) {
    await applyChunk(primary, replica, newest, index);
  }
  const restored = await replica.info(INFO_REQUEST);
  if (
    restored.lastBlockHeight === newest.height &&
    equalBytes(restored.lastBlockAppHash, appHash)
  ) {
    return;
  }
  throw notRestored(newest, 'the restored state has another height or hash');
}

async function applyChunk(
  primary: Application,
  replica: Application,
  { height, format }: Snapshot,
  index: number,
): Promise<void> {
  const { chunk } = await primary.loadSnapshotChunk({ height, format, chunk: index });
  const { result } = await replica.applySnapshotChunk({ index, chunk, sender: 'primary' });
  if (result !== 'accept') throw refusedPiece(height, `Piece ${index}`, result);
}

function isRefused(error: unknown): error is PalisadeError {
  return error instanceof PalisadeError && error.code === 'engine/snapshot-refused';
}

function refusedPiece(height: bigint, what: string, result: string): PalisadeError {
  return new PalisadeError({
    code: 'engine/snapshot-refused',
    message: `${what} of the snapshot of height ${height} was answered with ${result}.`,
    retry: 'later',
  });
}

function notRestored({ height }: Snapshot, why: string): PalisadeError {
  return new PalisadeError({
    code: 'engine/snapshot-differs',
    message: `The snapshot of height ${height} does not restore the state: ${why}.`,
    data: { height },
  });
}

function asError(error: unknown): PalisadeError {
  if (error instanceof PalisadeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new PalisadeError({ code: 'engine/shadow', message, cause: error });
}
