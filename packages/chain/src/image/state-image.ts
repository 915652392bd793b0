/**
 * The image of the state: the Merkle root over all of its entries as of the block that began a
 * session, and a snapshot of them, from one pass that runs in slices while later blocks execute.
 *
 * The state moves on meanwhile. So whoever commits a block first asks `notes` for the old values of
 * the keys that the block is the first to change since the image began and that the pass has not
 * reached; the pass prefers a note to the current value. Progress, notes and the block become
 * durable in one commit: a restart goes on where the last commit left the pass, and the root is the
 * same wherever the slices and restarts fall (spec/state-image.md).
 */
import {
  byteList,
  bytes32,
  fromBinaryString,
  type Infer,
  type KeyValueReader,
  list,
  record,
  toBinaryString,
  u8,
  u64,
  type Write,
} from '@palisade/core';
import { MerkleAccumulator } from '@palisade/formats';
import { collection } from '../state/collection.ts';
import { writeOf } from '../state/write-of.ts';
import { encodeEntry, imageAfter, OLD, oldNote } from './entries.ts';
import type { SnapshotWriter } from './snapshot-writer.ts';

/** Longest state key: what the disk's tables allow, bytes. */
const MAX_KEY_BYTES = 1978;
/** 2^40 entries, which is more than disks hold. */
const MAX_PEAKS = 40;

export const imageProgress = record('ImageProgress', {
  height: u64.is('The block whose state this is the image of'),
  startMs: u64.is('Block time of that block'),
  deadlineMs: u64.is('Block time by which the pass should be through'),
  estimate: u64.is('Entries expected, from the image before'),
  cursor: byteList(MAX_KEY_BYTES).is('Last key that the pass has behind it; empty at first'),
  done: u8.is('1 when the pass is through'),
  count: u64.is('Entries behind the cursor'),
  peaks: list(bytes32, MAX_PEAKS).is('Merkle peaks of those entries'),
});
export type ImageProgress = Infer<typeof imageProgress>;

const progressStore = collection({
  store: 'meta',
  name: 'image-progress',
  key: [],
  value: imageProgress,
});

/**
 * Entries of a slice at least, some 4 ms: a state of a million is through after 2 000 blocks. Longer
 * sessions make no smaller slices, since every block of a pass also pays for its notes.
 */
export const LEAST_SLICE = 500;
/** Entries of one walk over the store, however long the slice: it keeps a read view of the disk open. */
const LONGEST_WALK = 10_000;
/** Keys remembered to have a note: about 10 MB. */
const MAX_REMEMBERED = 100_000;
/** Part of a session after which the pass should be through. */
const SHARE_OF_SESSION_PERCENT = 80n;

/** What an image is of, and how long it may take. */
export type ImageStart = {
  readonly height: bigint;
  readonly timeMs: bigint;
  readonly sessionMs: bigint;
  /** Entries that are expected; a guess too low only makes the last slices longer. */
  readonly estimate: bigint;
};

/** Values as they were before the block whose changes are noted. */
export type Past = { before(key: string): Uint8Array | undefined };
export const NO_CHANGES: Past = { before: () => undefined };

/** The time by which the pass aims to be through: 80 % of the session, so that few are cut short. */
function deadlineOf(timeMs: bigint, sessionMs: bigint): bigint {
  return timeMs + (sessionMs * SHARE_OF_SESSION_PERCENT) / 100n;
}

export class StateImage {
  private readonly state: KeyValueReader;
  private readonly writer: SnapshotWriter | undefined;
  private readonly tree: MerkleAccumulator;
  private readonly begun: Pick<ImageProgress, 'height' | 'startMs' | 'deadlineMs' | 'estimate'>;
  private cursor: string;
  private done: boolean;
  /** Notes that the pass has used since the last commit. */
  private used: string[] = [];
  /** The pass, or the image itself, is further than the last commit. */
  private moved = false;
  /** All keys with a note, while they are few and of this process; else the store must tell. */
  private noted: Set<string> | undefined;
  private chunkIsFull = false;

  private constructor(state: KeyValueReader, progress: ImageProgress, writer?: SnapshotWriter) {
    this.state = state;
    this.writer = writer;
    this.begun = progress;
    this.tree = new MerkleAccumulator({ count: Number(progress.count), peaks: progress.peaks });
    this.cursor = toBinaryString(progress.cursor);
    this.done = progress.done === 1;
  }

  /** The image that the last commit left, or undefined. It has no snapshot: its chunks are gone. */
  static load(state: KeyValueReader): StateImage | undefined {
    const progress = progressStore.get(state);
    return progress && new StateImage(state, progress);
  }

  /** The image of the state as the next commit leaves it; to be used from then on. */
  static begin(state: KeyValueReader, start: ImageStart, writer?: SnapshotWriter): StateImage {
    const { height, timeMs, sessionMs, estimate } = start;
    const deadlineMs = deadlineOf(timeMs, sessionMs);
    const begun = { height, startMs: timeMs, deadlineMs, estimate };
    const image = new StateImage(state, { ...begun, ...NOTHING_YET }, writer);
    image.moved = true;
    image.noted = new Set();
    return image;
  }

  /** Entries behind the cursor. */
  get count(): bigint {
    return BigInt(this.tree.count);
  }

  get height(): bigint {
    return this.begun.height;
  }

  /** Entries that the slice of a block at `timeMs` should have to be through in time. */
  sliceAt(timeMs: bigint): number {
    const { startMs, deadlineMs, estimate } = this.begun;
    const span = deadlineMs > startMs ? deadlineMs - startMs : 1n;
    const wanted = (estimate * (timeMs - startMs)) / span;
    return Math.max(LEAST_SLICE, Number(wanted) - this.tree.count);
  }

  /** Walks on by about so many entries; the state is read as the last commit left it. */
  async advance(entries: number): Promise<void> {
    let left = entries;
    while (!this.done && left > 0) {
      left -= this.step(Math.min(left, LONGEST_WALK));
      if (this.chunkIsFull) await this.writer!.flush();
      this.chunkIsFull = false;
      if (this.done) await this.writer?.finish(this.tree.root(), this.count);
    }
  }

  /** The full root; what is left of the pass is done now. */
  async finish(): Promise<Uint8Array> {
    await this.advance(Number.POSITIVE_INFINITY);
    return this.tree.root();
  }

  /** At most `limit` entries, or until a chunk is full; returns how many there were. */
  private step(limit: number): number {
    let met = 0;
    this.moved = true;
    for (const { key, value, noted } of imageAfter(this.state, this.cursor)) {
      if (met === limit || this.chunkIsFull) return met;
      met++;
      this.cursor = key;
      if (noted) this.used.push(OLD + key);
      if (value === undefined) continue;
      const entry = encodeEntry([key, value]);
      this.tree.add(entry);
      this.chunkIsFull = this.writer?.add(entry) ?? false;
    }
    this.done = true;
    return met;
  }

  /**
   * What a commit has to write beside the block's changes (sorted by key): notes of old values,
   * the progress, and the removal of used notes.
   */
  writes(changes: readonly Write[], past: Past): Write[] {
    const notes: Write[] = [];
    if (!this.done)
      for (const [key] of changes) {
        if (key <= this.cursor || this.isNoted(key)) continue;
        notes.push([OLD + key, oldNote(past.before(key))]);
      }
    const progress = this.moved ? [progressWrite(this.progress())] : [];
    return [...notes, ...this.removals(), ...progress];
  }

  /** Whether a key has its note, from this very block on. */
  private isNoted(key: string): boolean {
    if (!this.noted) return this.state.get(OLD + key) !== undefined;
    if (this.noted.has(key)) return true;
    if (this.noted.size < MAX_REMEMBERED) this.noted.add(key);
    else this.noted = undefined;
    return false;
  }

  /** As `writes` for the block at which the next image begins: nothing but removals is left. */
  removals(): Write[] {
    return this.used.map((key) => [key, undefined] as const);
  }

  /** The last `writes` are durable. */
  committed(): void {
    this.used = [];
    this.moved = false;
  }

  private progress(): ImageProgress {
    const { count, peaks } = this.tree.save();
    return {
      ...this.begun,
      cursor: fromBinaryString(this.cursor),
      done: this.done ? 1 : 0,
      count: BigInt(count),
      peaks: [...peaks],
    };
  }
}

const NOTHING_YET = { cursor: new Uint8Array(0), done: 0, count: 0n, peaks: [] };

/** The write that remembers an image's progress. */
export function progressWrite(progress: ImageProgress): Write {
  return writeOf(progressStore, [], progress);
}
