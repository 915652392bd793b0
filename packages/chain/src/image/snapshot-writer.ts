/** Cuts the entries of an image into chunks and hands them to a snapshot store. */
import { encode } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import {
  CHUNK_BYTES,
  MAX_CHUNKS,
  SNAPSHOT_FORMAT,
  type SnapshotMetadata,
  snapshotMetadata,
} from './snapshot-format.ts';
import type { SnapshotStore } from './snapshot-store.ts';

/** What is known of a snapshot before its first entry. */
export type SnapshotHead = Omit<SnapshotMetadata, 'entries' | 'chunks'>;

/**
 * One snapshot in the making. The disk works while the next entries are read, on one chunk at a
 * time. A snapshot that cannot be written is given up; the image goes on without it.
 */
export class SnapshotWriter {
  private readonly store: SnapshotStore;
  private readonly head: SnapshotHead;
  private pieces: Uint8Array[] = [];
  private size = 0;
  private readonly hashes: Uint8Array[] = [];
  private writing: Promise<void>;
  private lost = false;

  constructor(store: SnapshotStore, head: SnapshotHead) {
    this.store = store;
    this.head = head;
    this.writing = this.guarded(() => store.begin(head.height));
  }

  /** Takes an entry's bytes; true when `flush` has to be called before the next one. */
  add(entry: Uint8Array): boolean {
    if (this.lost) return false;
    this.pieces.push(entry);
    this.size += entry.length;
    return this.size >= CHUNK_BYTES;
  }

  /** Hands over what was added since, as one chunk; waits for the one before. */
  async flush(): Promise<void> {
    const chunk = new Uint8Array(this.size);
    let at = 0;
    for (const piece of this.pieces) {
      chunk.set(piece, at);
      at += piece.length;
    }
    this.pieces = [];
    this.size = 0;
    await this.writing;
    if (this.lost) return;
    if (this.hashes.length === MAX_CHUNKS) return this.giveUp('the state has too many chunks');
    this.hashes.push(new Uint8Array(sha256(chunk)));
    this.writing = this.guarded(() => this.store.appendChunk(chunk));
  }

  async finish(root: Uint8Array, entries: bigint): Promise<void> {
    if (this.size > 0) await this.flush();
    await this.writing;
    if (this.lost) return;
    const { hashes: chunks, head } = this;
    await this.guarded(() =>
      this.store.finish({
        height: head.height,
        format: SNAPSHOT_FORMAT,
        chunks: chunks.length,
        hash: root,
        metadata: encode(snapshotMetadata, { ...head, entries, chunks }),
      }),
    );
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.giveUp(error);
    }
  }

  private async giveUp(reason: unknown): Promise<void> {
    this.lost = true;
    this.pieces = [];
    this.size = 0;
    await this.store.discard(reason).catch(() => undefined);
  }
}
