/**
 * The few things that the content store does to a disk, in one place: each can be watched and made
 * to fail by a test, step by step, and each says whether it is durable when it returns.
 */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rename, rm } from 'node:fs/promises';

/** What is about to be done to the disk. */
export type DiskStep =
  | 'make-folder'
  | 'write-file'
  | 'write-group'
  | 'truncate'
  | 'sync-file'
  | 'sync-folder'
  | 'rename'
  | 'remove';

/** Called before every step; throwing (a test's crash, or `ENOSPC`) keeps the step from happening. */
export type DiskHook = (step: DiskStep, path: string) => void | Promise<void>;

export type Disk = ReturnType<typeof createDisk>;

export function createDisk(hook: DiskHook = () => {}) {
  const disk = {
    /** Durable after `syncFolder` of the folder above. */
    async makeFolder(path: string): Promise<void> {
      await hook('make-folder', path);
      await mkdir(path, { recursive: true });
    },
    /** A small file, its bytes durable; its name is so after `syncFolder`. */
    async writeFile(path: string, ...parts: readonly Uint8Array[]): Promise<void> {
      await hook('write-file', path);
      const file = await open(path, 'w');
      try {
        for (const part of parts) if (part.length > 0) await writeAll(file, part, null);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    /** Bytes at a place of an open file; durable after `syncFile`. */
    async writeAt(file: FileHandle, path: string, bytes: Uint8Array, at: number): Promise<void> {
      await hook('write-group', path);
      await writeAll(file, bytes, at);
    },
    async truncate(file: FileHandle, path: string, length: number): Promise<void> {
      await hook('truncate', path);
      await file.truncate(length);
    },
    async syncFile(file: FileHandle, path: string): Promise<void> {
      await hook('sync-file', path);
      await file.datasync();
    },
    /** Names made, moved and removed in a folder are durable after this. */
    async syncFolder(path: string): Promise<void> {
      await hook('sync-folder', path);
      const folder = await open(path, 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    },
    async rename(from: string, to: string): Promise<void> {
      await hook('rename', from);
      await rename(from, to);
    },
    async remove(path: string): Promise<void> {
      await hook('remove', path);
      await rm(path, { recursive: true, force: true });
    },
  };
  return disk;
}

/** One call may write less than it was given, on a disk that is filling up for one. */
async function writeAll(file: FileHandle, bytes: Uint8Array, at: number | null): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const place = at === null ? null : at + done;
    done += (await file.write(bytes, done, bytes.length - done, place)).bytesWritten;
  }
}

/** Whether an error says that the disk, or the user's share of it, has no room left. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Whether an error says that a file or folder is not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

/**
 * Fills `buffer` from `at` on; the answer is shorter only where the file ends. The buffer is the
 * caller's, to be used again: megabytes that are thrown away stay in memory until they are collected.
 */
export async function readInto<T extends ArrayBufferLike>(
  file: FileHandle,
  at: number,
  buffer: Uint8Array<T>,
): Promise<Uint8Array<T>> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
