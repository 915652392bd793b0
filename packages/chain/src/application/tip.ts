/**
 * The tip of the chain: what the last commit left. State and its record lie in the store; the roots
 * that sum it up are in memory, and the image of the running session grows beside them.
 */
import { equalBytes, type KeyValueStore, type Write } from '@palisade/core';
import { ImageKeeper } from '../image/image-keeper.ts';
import type { SnapshotStore } from '../image/snapshot-store.ts';
import { params } from '../params.ts';
import type { Overlay } from '../state/overlay.ts';
import { writeOf } from '../state/write-of.ts';
import { corrupted } from './errors.ts';
import { type Execution, startsSession } from './execution.ts';
import {
  advanceRoots,
  appHashOf,
  type Committed,
  committed,
  loadRoots,
  type Roots,
} from './roots.ts';

const NO_HASH = new Uint8Array(32);
const NO_ROOTS = { logRoot: NO_HASH, fullRoot: NO_HASH };

/** A block that was executed and may be committed. */
export type ExecutedBlock = {
  readonly execution: Execution;
  readonly overlay: Overlay;
  /** What it changes, sorted by key. */
  readonly changes: readonly Write[];
  /** The roots after it. */
  readonly roots: Roots;
};

export class Tip {
  readonly state: KeyValueStore;
  /** Stores whose records have a tree of their own. */
  readonly provenStores: readonly string[];
  private readonly snapshots: SnapshotStore | undefined;
  private images: ImageKeeper;
  private current: { readonly roots: Roots; readonly last: Committed | undefined };

  /** @throws PalisadeError `chain/corrupted-state` */
  constructor(
    state: KeyValueStore,
    provenStores: readonly string[],
    snapshots: SnapshotStore | undefined,
  ) {
    this.state = state;
    this.provenStores = provenStores;
    this.snapshots = snapshots;
    this.images = new ImageKeeper(state, snapshots);
    const last = committed.get(state);
    const roots = loadRoots(state, provenStores, last ?? NO_ROOTS);
    if (last && !equalBytes(appHashOf(roots), last.appHash)) throw corrupted();
    this.current = { roots, last };
  }

  get roots(): Roots {
    return this.current.roots;
  }

  /** The record of the last commit; undefined before genesis. */
  get last(): Committed | undefined {
    return this.current.last;
  }

  /** As `last`, where there must be one. */
  get begun(): Committed {
    if (this.last) return this.last;
    throw new Error('the chain has no genesis yet: initChain comes first');
  }

  /** The block with the roots after it. */
  async sumUp(execution: Execution, overlay: Overlay): Promise<ExecutedBlock> {
    const changes = overlay.changes();
    const advanced = advanceRoots(this.roots, changes);
    const roots = startsSession(execution)
      ? { ...advanced, fullRoot: await this.images.finish() }
      : advanced;
    return { execution, overlay, changes, roots };
  }

  /** Commits genesis, over a store that has nothing else. */
  async commitGenesis(
    { timeMs }: Execution,
    overlay: Overlay,
    chain: Pick<Committed, 'genesisHash' | 'chainId'>,
  ): Promise<void> {
    const changes = overlay.changes();
    const empty = loadRoots(this.state, this.provenStores, NO_ROOTS);
    const roots = advanceRoots(empty, changes);
    const last = { ...chain, height: 0n, timeMs, ...summaryOf(roots) };
    const { sessionMs } = params.need(overlay);
    const image = this.images.begin(last, roots, sessionMs, BigInt(changes.length));
    await this.write(changes, image, roots, last);
  }

  /** Makes an executed block durable, with the progress of the image. */
  async commit({ execution, overlay, changes, roots }: ExecutedBlock): Promise<void> {
    const { height, timeMs } = execution;
    const last = { ...this.begun, height, timeMs, ...summaryOf(roots) };
    const image = startsSession(execution)
      ? this.images.begin(last, roots, params.need(overlay).sessionMs)
      : await this.images.writes(timeMs, changes, overlay);
    await this.write(changes, image, roots, last);
  }

  private async write(
    changes: readonly Write[],
    image: readonly Write[],
    roots: Roots,
    last: Committed,
  ): Promise<void> {
    await this.state.commit([...changes, ...image, writeOf(committed, [], last)]);
    this.images.committed();
    this.current = { roots, last };
  }

  /** Goes on from what a restoration has put into the store. */
  restored(roots: Roots): void {
    this.current = { roots, last: committed.get(this.state) };
    this.images = new ImageKeeper(this.state, this.snapshots);
  }
}

function summaryOf(roots: Roots): Pick<Committed, 'logRoot' | 'fullRoot' | 'appHash'> {
  const { logRoot, fullRoot } = roots;
  return { logRoot, fullRoot, appHash: appHashOf(roots) };
}
