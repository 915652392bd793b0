import { randomBytes } from 'node:crypto';
import { link, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PalisadeError } from '@palisade/core';

/**
 * Writes a whole file so that a reader, and the disk after a power cut, sees the old content or
 * the new one and nothing between: a temporary file beside it, fsync, rename, fsync of the folder.
 *
 * `mode` holds from the first byte on (default 0o644). With `overwrite: false` the write succeeds
 * only where no file of that name exists, decided by the file system in one step.
 *
 * @throws PalisadeError `files/exists` with `overwrite: false`; Node's own errors for failing I/O.
 */
export async function atomicWrite(
  path: string,
  data: string | Uint8Array,
  { mode = 0o644, overwrite = true }: { mode?: number; overwrite?: boolean } = {},
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeDurably(temporary, data, mode);
    if (overwrite) await rename(temporary, path);
    else await linkNew(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {}); // it may never have come to be
    throw error;
  }
  await syncFolder(dirname(path));
}

async function writeDurably(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A hard link fails when the name is taken, where a rename would silently replace it. */
async function linkNew(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new PalisadeError({
      code: 'files/exists',
      message: `${path} exists already and is not replaced.`,
      next: 'Choose another name, or move the existing file away first.',
      data: { path },
      cause: error,
    });
  }
  await unlink(temporary);
}

/** A new name is durable only when its folder is; the file's own fsync does not cover it. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
