/**
 * The partner's store of contents (spec/content.md, "The partner's store"): takes uploads in and
 * resumes them after any interruption, hands contents out, proves leaves for audits, keeps count of
 * the jobs that need a content, and keeps to its quota and off a full disk.
 *
 * One process per directory; the daemon's data lock sees to that.
 */
import { join } from 'node:path';
import { type AuditProof, GROUP_BYTES, type Outline, type Refusal } from '@palisade/core';
import { append } from './append.ts';
import { beginUpload, type UploadRequest } from './beginUpload.ts';
import { loadOutline, proveLeaves, readRange } from './contents.ts';
import { createDisk, type Disk } from './disk.ts';
import { createFolders, type Folders, type HexId, hexId, jobFile, jobsFolder } from './folders.ts';
import { KeyedLock } from './keyed-lock.ts';
import { contentMissing, type Outcome, refused, tooManyUploads } from './outcome.ts';
import { drop, finishUpload, whenClosed } from './publish.ts';
import { scanContents, scanUploads } from './scan.ts';
import { footprint, Space, type StorageState } from './space.ts';
import {
  type ContentStoreOptions,
  type StoreState,
  type UploadProgress,
  unlessFull,
} from './state.ts';

export type ContentInfo = {
  readonly contentId: Uint8Array;
  readonly size: number;
  /** Ids of the jobs that need it, as 64 hex digits. */
  readonly jobs: readonly HexId[];
  readonly damage: Refusal | undefined;
};

export type StorageUsage = {
  readonly quotaBytes: number;
  /** Taken by whole contents and promised to open uploads, folders and outlines included. */
  readonly promisedBytes: number;
  readonly contents: number;
  readonly openUploads: number;
};

const GIB = 2 ** 30;
const DAY_MS = 86_400_000;
/** Streams taken in at a time: each holds two groups of 1 MiB, so at most 64 MiB. */
const MAX_APPENDS = 32;

export class ContentStore {
  readonly #state: StoreState;
  readonly #locks = new KeyedLock();
  #appends = 0;

  private constructor(state: StoreState) {
    this.#state = state;
  }

  /**
   * Opens the store in a directory, made if need be. Reads outlines (32 KiB per GiB stored), not data.
   * @throws Node's own errors when the directory cannot be read or written
   */
  static async open(options: ContentStoreOptions): Promise<ContentStore> {
    const disk = createDisk(options.diskHook);
    const folders = createFolders(options.directory);
    await disk.remove(folders.trash);
    for (const folder of [folders.uploads, folders.contents, folders.trash]) {
      await disk.makeFolder(folder);
    }
    await disk.syncFolder(options.directory);
    const space = createSpace(options, disk, folders);
    const contents = await scanContents(folders);
    const uploads = await scanUploads(folders, { disk, space, clock: options.clock });
    for (const { size } of contents.values()) space.take(footprint(size));
    for (const { outline } of uploads.values()) space.take(footprint(outline.size));
    await space.refresh();
    const beginning = new Map<HexId, number>();
    return new ContentStore({ options, disk, folders, space, contents, uploads, beginning });
  }

  get state(): StorageState {
    return this.#state.space.state;
  }

  /**
   * Begins an upload, joins one that another client began, or goes on with an interrupted one. Where
   * the content is stored already, the job is noted with it and nothing needs to be sent.
   * Refusals: `storage/bad-outline`, `storage/too-many-uploads`, `storage/quota-exceeded`,
   * `storage/disk-full`.
   */
  beginUpload(request: UploadRequest): Promise<Outcome<UploadProgress>> {
    return this.#locked(request.contentId, () =>
      unlessFull(this.#state, () => beginUpload(this.#state, request)),
    );
  }

  /**
   * Takes bytes in from `offset`, a group boundary up to which (or beyond which) the upload is
   * received. Reads the source only as fast as the disk takes it. Returns when the source ends;
   * what is `received` then is durable, and an unfinished group is dropped. A source that throws
   * throws here, after what came before has been made durable. Where another client finished the
   * content meanwhile, the answer is `stored`.
   * Refusals: `storage/upload-unknown`, `storage/wrong-offset`, `storage/group-mismatch`,
   * `storage/too-long`, `storage/too-many-uploads`, `storage/disk-full`.
   */
  async append(
    contentId: Uint8Array,
    offset: number,
    source: AsyncIterable<Uint8Array>,
  ): Promise<Outcome<UploadProgress>> {
    if (this.#appends >= MAX_APPENDS) return refused(tooManyUploads(MAX_APPENDS));
    this.#appends++;
    try {
      const upload = this.#state.uploads.get(hexId(contentId));
      const outcome =
        upload && (await unlessFull(this.#state, () => append(upload, offset, source)));
      // Being closed, the upload is on its way into the store or out of it: see what became of it.
      return (
        outcome ?? (await this.#locked(contentId, async () => whenClosed(this.#state, contentId)))
      );
    } finally {
      this.#appends--;
    }
  }

  /**
   * Publishes a content that is received whole. May be called again, and by every client that sent it.
   * Refusals: `storage/upload-unknown`, `storage/upload-incomplete`, `storage/disk-full`.
   */
  finish(contentId: Uint8Array): Promise<Outcome<UploadProgress>> {
    return this.#locked(contentId, () =>
      unlessFull(this.#state, () => finishUpload(this.#state, contentId)),
    );
  }

  /** Id, size, jobs and known damage of everything stored, in order of id. */
  list(): readonly ContentInfo[] {
    return [...this.#state.contents.keys()].sort().map((id) => {
      const { contentId, size, jobs, damage } = this.#state.contents.get(id)!;
      return { contentId, size, jobs: [...jobs].sort(), damage };
    });
  }

  usage(): StorageUsage {
    return {
      quotaBytes: this.#state.options.quotaBytes,
      promisedBytes: this.#state.space.promisedBytes,
      contents: this.#state.contents.size,
      openUploads: this.#state.uploads.size,
    };
  }

  /**
   * Bytes `from` (included) to `to` (excluded) of a content; the reader checks them by the outline.
   * Each piece is gone when the next one is asked for.
   * Refusals: `storage/content-missing`, `storage/content-damaged`, `storage/bad-range`.
   */
  async read(
    contentId: Uint8Array,
    from: number,
    to: number,
  ): Promise<Outcome<AsyncIterable<Uint8Array>>> {
    const content = this.#state.contents.get(hexId(contentId));
    return content ? readRange(content, from, to) : refused(contentMissing(contentId));
  }

  /**
   * The outline of a content, good by its id; made anew from the data when its file is damaged.
   * Refusals: `storage/content-missing`, `storage/content-damaged`.
   */
  async outline(contentId: Uint8Array): Promise<Outcome<Outline>> {
    const content = this.#state.contents.get(hexId(contentId));
    return content ? loadOutline(this.#state.disk, content) : refused(contentMissing(contentId));
  }

  /**
   * Proofs of up to `MAX_SAMPLES` leaves, in the order asked, from what is on the disk now. Reads at
   * most one group of 1 MiB per leaf.
   * Refusals: `storage/content-missing`, `storage/leaf-damaged` (says which group and what was
   * found), `storage/content-damaged`, `storage/bad-leaf`.
   */
  async prove(
    contentId: Uint8Array,
    leafIndices: readonly number[],
  ): Promise<Outcome<readonly AuditProof[]>> {
    const content = this.#state.contents.get(hexId(contentId));
    if (!content) return refused(contentMissing(contentId));
    return proveLeaves(this.#state.disk, content, leafIndices);
  }

  /**
   * A job needs the content no more. With its last job the content goes, and so does an upload;
   * one that no job is noted with goes as well. True when nothing of it is left.
   */
  async release(contentId: Uint8Array, jobId: Uint8Array): Promise<boolean> {
    const job = hexId(jobId);
    return this.#locked(contentId, async () => {
      for (const holder of this.#holders(contentId)) {
        const isLast = holder.jobs.size === 0 || (holder.jobs.size === 1 && holder.jobs.has(job));
        if (isLast) await drop(this.#state, holder);
        else if (holder.jobs.delete(job)) {
          await this.#state.disk.remove(jobFile(holder.folder, job));
          await this.#state.disk.syncFolder(jobsFolder(holder.folder));
        }
      }
      return this.#holders(contentId).length === 0;
    });
  }

  /** Removes a content, or an upload of it, whatever jobs need it. */
  async delete(contentId: Uint8Array): Promise<void> {
    await this.#locked(contentId, async () => {
      for (const holder of this.#holders(contentId)) await drop(this.#state, holder);
    });
  }

  /** Drops uploads that have not grown for `uploadExpiryMs`. Returns their ids. For a timer. */
  async expireUploads(): Promise<readonly Uint8Array[]> {
    const { options, uploads } = this.#state;
    const oldest = options.clock.nowMs() - (options.uploadExpiryMs ?? DAY_MS);
    const expired: Uint8Array[] = [];
    for (const [id, upload] of [...uploads]) {
      await this.#locked(upload.contentId, async () => {
        if (uploads.get(id) !== upload || upload.lastGrownMs > oldest) return;
        await drop(this.#state, upload);
        expired.push(upload.contentId);
      });
    }
    return expired;
  }

  /** Looks at the disk's free space again and says whether the store accepts. For a timer. */
  async refreshState(): Promise<StorageState> {
    await this.#state.space.refresh();
    return this.#state.space.state;
  }

  /** Closes files. Uploads in progress go on after the next `open`. */
  async close(): Promise<void> {
    await Promise.all([...this.#state.uploads.values()].map((upload) => upload.close()));
    this.#state.uploads.clear();
  }

  #locked<T>(contentId: Uint8Array, task: () => Promise<T>): Promise<T> {
    return this.#locks.run(hexId(contentId), task);
  }

  #holders(contentId: Uint8Array) {
    const { contents, uploads } = this.#state;
    const id = hexId(contentId);
    return [contents.get(id), uploads.get(id)].filter((holder) => holder !== undefined);
  }
}

function createSpace(options: ContentStoreOptions, disk: Disk, folders: Folders): Space {
  return new Space({
    quotaBytes: options.quotaBytes,
    reserveBytes: options.reserveBytes ?? GIB,
    freeBytes: options.freeBytes,
    onStateChange: options.onStateChange ?? (() => {}),
    async tryWrite() {
      const path = join(folders.trash, 'trial');
      try {
        await disk.writeFile(path, new Uint8Array(GROUP_BYTES));
      } finally {
        await disk.remove(path);
      }
    },
  });
}
