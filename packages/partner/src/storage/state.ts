/** What the parts of the store share. */
import type { Clock } from '@palisade/core';
import type { StoredContent } from './contents.ts';
import { type Disk, type DiskHook, isDiskFull } from './disk.ts';
import { type Folders, type HexId, hexId, jobFile, jobsFolder } from './folders.ts';
import { type Outcome, refused } from './outcome.ts';
import type { Space, StorageState } from './space.ts';
import type { Upload } from './upload.ts';

export type ContentStoreOptions = {
  readonly directory: string;
  /** Bytes that the partner offers in all, folders and outlines included. */
  readonly quotaBytes: number;
  /** Bytes that stay free for the machine; below it no new content is taken. Default 1 GiB. */
  readonly reserveBytes?: number;
  /** Default 64: each holds its place in the quota until it ends or expires. */
  readonly maxOpenUploads?: number;
  /** An upload that has not grown for this long is dropped. Default 24 h: a client's night. */
  readonly uploadExpiryMs?: number;
  readonly clock: Clock;
  /** Bytes free on the disk of `directory`. */
  readonly freeBytes: () => Promise<number>;
  /** Told whenever the store stops or starts accepting; the daemon tells the network. */
  readonly onStateChange?: (state: StorageState) => void;
  /** For tests: sees every step on the disk before it happens and may throw instead. */
  readonly diskHook?: DiskHook;
};

export type StoreState = {
  readonly options: ContentStoreOptions;
  readonly disk: Disk;
  readonly folders: Folders;
  readonly space: Space;
  readonly contents: Map<HexId, StoredContent>;
  readonly uploads: Map<HexId, Upload>;
  /** Bytes of each upload that is being begun: it has its promise, but is not among `uploads` yet. */
  readonly beginning: Map<HexId, number>;
};

/** How far an upload is. */
export type UploadProgress = {
  /** Bytes that are here and right; the upload goes on at this byte. */
  readonly received: number;
  readonly size: number;
  /** The content is whole and published: nothing needs to be sent. */
  readonly stored: boolean;
};

export function progressOf(upload: Upload): UploadProgress {
  return { received: upload.received, size: upload.outline.size, stored: false };
}

/** Turns a write that failed for want of room into the refusal, and the store's state with it. */
export async function unlessFull<T extends Outcome<unknown> | undefined>(
  { space }: StoreState,
  task: () => Promise<T>,
): Promise<T | ReturnType<typeof refused>> {
  try {
    return await task();
  } catch (error) {
    if (isDiskFull(error)) return refused(space.noteDiskFull());
    throw error;
  }
}

/** Notes durably that a job needs a content or an upload. */
export async function addJob(
  disk: Disk,
  holder: { readonly folder: string; readonly jobs: Set<HexId> },
  jobId: Uint8Array,
): Promise<void> {
  const job = hexId(jobId);
  if (holder.jobs.has(job)) return;
  await disk.writeFile(jobFile(holder.folder, job));
  await disk.syncFolder(jobsFolder(holder.folder));
  holder.jobs.add(job);
}
