/** Where snapshots are kept: a port, and an implementation in memory. */
import type { Snapshot } from '@palisade/formats';

/**
 * Snapshots, one of which may be in the making. A snapshot is listed once it is whole; of those the
 * newest `KEPT_SNAPSHOTS` are kept.
 */
export type SnapshotStore = {
  /** Begins one; whatever was unfinished is dropped. */
  begin(height: bigint): Promise<void>;
  appendChunk(chunk: Uint8Array): Promise<void>;
  /** The one in the making is whole and, from now on, listed. */
  finish(snapshot: Snapshot): Promise<void>;
  /** Drops the one in the making; `reason` is what went wrong with it, if something did. */
  discard(reason?: unknown): Promise<void>;
  list(): Promise<readonly Snapshot[]>;
  load(height: bigint, format: number, chunk: number): Promise<Uint8Array | undefined>;
};

/** The last one, and the one before, which somebody may be in the middle of fetching. */
export const KEPT_SNAPSHOTS = 2;

/** For tests and small states: everything is in memory. */
export class MemorySnapshots implements SnapshotStore {
  private building: Uint8Array[] | undefined;
  private kept: { readonly snapshot: Snapshot; readonly chunks: readonly Uint8Array[] }[] = [];

  async begin(): Promise<void> {
    this.building = [];
  }

  async appendChunk(chunk: Uint8Array): Promise<void> {
    this.building!.push(chunk);
  }

  async finish(snapshot: Snapshot): Promise<void> {
    this.kept = [...this.kept, { snapshot, chunks: this.building! }].slice(-KEPT_SNAPSHOTS);
    this.building = undefined;
  }

  async discard(): Promise<void> {
    this.building = undefined;
  }

  async list(): Promise<readonly Snapshot[]> {
    return this.kept.map(({ snapshot }) => snapshot);
  }

  async load(height: bigint, format: number, chunk: number): Promise<Uint8Array | undefined> {
    const found = this.kept.find(
      ({ snapshot }) => snapshot.height === height && snapshot.format === format,
    );
    return found?.chunks[chunk];
  }
}
