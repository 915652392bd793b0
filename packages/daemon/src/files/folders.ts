import { mkdirSync, statSync } from 'node:fs';
import { lstat, opendir, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PalisadeError } from '@palisade/core';

/** `st_blocks` counts units of 512 bytes on every POSIX system, whatever the disk's block size. */
const STAT_BLOCK_BYTES = 512;

/**
 * Makes a folder, and those above it, unless it exists. Where `mode` is given, an existing folder
 * that lets in more people is refused rather than changed: it may be shared on purpose.
 *
 * @throws PalisadeError `files/not-a-folder`, `files/too-open`; Node's own errors for failing I/O.
 */
export async function ensureDir(path: string, mode?: number): Promise<void> {
  makeFolders(path, mode);
  const found = await stat(path);
  if (!found.isDirectory()) {
    throw new PalisadeError({
      code: 'files/not-a-folder',
      message: `${path} is a file, and a folder is needed there.`,
      data: { path },
    });
  }
  if (mode !== undefined && (found.mode & 0o777 & ~mode) !== 0) {
    throw new PalisadeError({
      code: 'files/too-open',
      message: `${path} has mode 0${(found.mode & 0o777).toString(8)} and may have at most 0${mode.toString(8)}.`,
      next: `chmod ${mode.toString(8)} ${path}`,
      data: { path },
    });
  }
}

/**
 * Makes a folder, and those above it, from the top down: Node's own way, `recursive`, never ends where
 * the system lets nobody make one, as below `/proc`.
 *
 * @throws Node's own errors
 */
export function makeFolders(path: string, mode?: number): void {
  const missing: string[] = [];
  // A drive that is not there has nothing above it.
  for (let at = resolve(path); at !== dirname(at); at = dirname(at)) {
    if (statSync(at, { throwIfNoEntry: false })) break;
    missing.push(at);
  }
  for (const folder of missing.reverse())
    try {
      mkdirSync(folder, mode);
    } catch (error) {
      // Somebody else was quicker.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
}

/**
 * Bytes that a folder takes on disk, with everything below it. Counts allocated blocks, because
 * database files are sparse and claim far more than they use. Symbolic links are not followed;
 * what vanishes while we look counts as nothing.
 */
export async function directorySize(path: string): Promise<number> {
  let bytes = 0;
  const pending = [path];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const entries = await opendir(folder).catch(ignoreMissing);
    if (!entries) continue;
    for await (const entry of entries) {
      const child = join(folder, entry.name);
      if (entry.isDirectory()) pending.push(child);
      const found = await lstat(child).catch(ignoreMissing);
      bytes += (found?.blocks ?? 0) * STAT_BLOCK_BYTES;
    }
  }
  return bytes;
}

/** Bytes that an ordinary user may still write on the disk that holds `path`. */
export async function freeBytes(path: string): Promise<number> {
  const disk = await statfs(path);
  return disk.bavail * disk.bsize;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
