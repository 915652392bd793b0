/**
 * One content on its way in. Bytes are checked group by group against the outline before they are
 * written, so what counts as received is right, whoever sent it: several clients may send the same
 * content at once, from different places, and none can spoil or hold up the others.
 */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import {
  type Clock,
  GROUP_BYTES,
  groupLength,
  type Outline,
  type Refusal,
  verifyGroup,
} from '@palisade/core';
import { type Disk, isDiskFull, readInto } from './disk.ts';
import { dataFile, type HexId } from './folders.ts';
import type { Space } from './space.ts';

export type UploadMeans = { readonly disk: Disk; readonly space: Space; readonly clock: Clock };

export class Upload {
  readonly contentId: Uint8Array;
  readonly outline: Outline;
  readonly folder: string;
  readonly jobs = new Set<HexId>();
  #received = 0;
  #closed = false;
  /** The file may hold bytes that are not durable: the disk's own cache is flushed by a sync, which takes long. */
  #unsynced = true;
  #file: FileHandle | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #lastGrownMs: number;
  readonly #disk: Disk;
  readonly #space: Space;
  readonly #clock: Clock;

  constructor(contentId: Uint8Array, outline: Outline, folder: string, means: UploadMeans) {
    this.contentId = contentId;
    this.outline = outline;
    this.folder = folder;
    this.#disk = means.disk;
    this.#space = means.space;
    this.#clock = means.clock;
    this.#lastGrownMs = means.clock.nowMs();
  }

  /** Bytes that are here and right: whole groups, and the last one. */
  get received(): number {
    return this.#received;
  }

  /** When the upload was begun, found at start, or last grew. */
  get lastGrownMs(): number {
    return this.#lastGrownMs;
  }

  get isComplete(): boolean {
    return this.#received === this.outline.size;
  }

  /** Expired, dropped or published: takes nothing any more. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Opens the file. What an earlier process left in it is believed only as far as it matches the
   * outline; the rest, a torn group for one, is cut off. Costs one read of what is there.
   */
  ready(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#closed) await this.#openFile();
    });
  }

  /** Writes a checked group if it is the next one; one that is here already is passed over. */
  store(groupIndex: number, group: Uint8Array): Promise<Refusal | undefined> {
    return this.#inTurn(async () => {
      if (this.#closed) return undefined;
      const at = groupIndex * GROUP_BYTES;
      // Opening first: after a failed write it may find that less is received than was thought.
      const file = await this.#openFile();
      if (at !== this.#received) return undefined;
      return this.#unlessFull(async () => {
        this.#unsynced = true;
        await this.#disk.writeAt(file, dataFile(this.folder), group, at);
        this.#received = at + group.length;
        this.#lastGrownMs = this.#clock.nowMs();
      });
    });
  }

  /** Makes what was received durable. After a failure the file is read and checked anew. */
  sync(): Promise<Refusal | undefined> {
    return this.#inTurn(async () => {
      if (this.#closed || !this.#file || !this.#unsynced) return undefined;
      const file = this.#file;
      return this.#unlessFull(async () => {
        await this.#disk.syncFile(file, dataFile(this.folder));
        this.#unsynced = false;
      });
    });
  }

  /** No further writes; the file is closed when the promise resolves. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#inTurn(() => this.#dropFile());
  }

  /** Takes an unsuccessful `close` back: the folder could not be moved, so the upload goes on. */
  reopen(): void {
    this.#closed = false;
  }

  async #unlessFull(write: () => Promise<void>): Promise<Refusal | undefined> {
    try {
      await write();
      return undefined;
    } catch (error) {
      // Whatever the failed write or sync left behind is found out by reading it again.
      await this.#dropFile();
      if (!isDiskFull(error)) throw error;
      return this.#space.noteDiskFull();
    }
  }

  async #openFile(): Promise<FileHandle> {
    if (this.#file) return this.#file;
    const path = dataFile(this.folder);
    const file = await open(path, 'r+');
    try {
      const good = await this.#checkedLength(file);
      if ((await file.stat()).size > good) await this.#disk.truncate(file, path, good);
      this.#received = good;
      // An earlier process may have written what it never synced.
      this.#unsynced = true;
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
    return file;
  }

  async #checkedLength(file: FileHandle): Promise<number> {
    const buffer = new Uint8Array(Math.min(GROUP_BYTES, this.outline.size));
    let good = 0;
    while (good < this.outline.size) {
      const index = good / GROUP_BYTES;
      const wanted = buffer.subarray(0, groupLength(this.outline.size, index));
      const group = await readInto(file, good, wanted);
      if (!verifyGroup(this.outline, index, group)) break;
      good += group.length;
    }
    return good;
  }

  async #dropFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => {}); // whoever asked hears of it; the next in turn goes on
    return result;
  }
}
