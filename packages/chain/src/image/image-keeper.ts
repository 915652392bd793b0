/** The image of the running session, and the change to the next one's. */
import type { KeyValueReader, Write } from '@palisade/core';
import { type Committed, namedRoots, type Roots } from '../application/roots.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import { NO_CHANGES, type Past, StateImage } from './state-image.ts';

export class ImageKeeper {
  private readonly state: KeyValueReader;
  private readonly snapshots: SnapshotStore | undefined;
  private current: StateImage | undefined;
  /** Takes over when the commit that begins it is durable. */
  private next: StateImage | undefined;

  constructor(state: KeyValueReader, snapshots: SnapshotStore | undefined) {
    this.state = state;
    this.snapshots = snapshots;
    this.current = StateImage.load(state);
  }

  /** The full root of the running session's image, whatever is left to do for it. */
  async finish(): Promise<Uint8Array> {
    return this.running().finish();
  }

  /** Walks on by the slice of a block, and tells what to commit with the block's changes. */
  async writes(timeMs: bigint, changes: readonly Write[], past: Past): Promise<Write[]> {
    const image = this.running();
    await image.advance(image.sliceAt(timeMs));
    return image.writes(changes, past);
  }

  /**
   * What to commit with the block that begins a session: its image, of what this very commit leaves.
   * `estimate` is the number of entries where no image before could tell.
   */
  begin(last: Committed, roots: Roots, sessionMs: bigint, estimate?: bigint): Write[] {
    const { height, timeMs } = last;
    const start = { height, timeMs, sessionMs, estimate: estimate ?? this.running().count };
    this.next = StateImage.begin(this.state, start, this.writerFor(last, roots));
    return [...(this.current?.removals() ?? []), ...this.next.writes([], NO_CHANGES)];
  }

  /** What was handed out last is durable. */
  committed(): void {
    this.current = this.next ?? this.running();
    this.next = undefined;
    this.current.committed();
  }

  /** No snapshot of genesis: everyone has it, in a smaller form. */
  private writerFor(last: Committed, roots: Roots): SnapshotWriter | undefined {
    if (!this.snapshots || last.height === 0n) return undefined;
    const { height, timeMs, genesisHash, chainId } = last;
    return new SnapshotWriter(this.snapshots, {
      ...{ height, timeMs, genesisHash, chainId },
      roots: Array.from(namedRoots(roots), ([name, root]) => ({ name, root })),
    });
  }

  private running(): StateImage {
    if (this.current) return this.current;
    throw new Error('there is no image of the state: it begins with genesis or a snapshot');
  }
}
