/** Puts what is fetched in its place: beside it until all was checked, then there in one step. */
import { createWriteStream } from 'node:fs';
import { lstat, readdir, rename, rm, utimes } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { unpack } from '../archive/unpack.ts';
import { usageError } from '../terminal/print-error.ts';

export type SavedFile = {
  readonly path: string;
  /** Whether a file that is there may be replaced. */
  readonly force: boolean;
  readonly size: number;
  /** Time of the last change, ms since 1970, if it is to be kept. */
  readonly mtime: number | undefined;
  /** Tells what is fetched from anything else: a rest of it is only ever continued with itself. */
  readonly job: string;
};

/** Hex digits of a job id that stand in a file name: 2^40 jobs are told apart. */
const ID_DIGITS = 10;

/**
 * Writes a file. What has arrived stays beside it when the bytes end early, by an error or by a
 * kill, and the next call goes on there: `bytesFrom` is asked for the rest.
 * @throws PalisadeError `cli/usage` when the path is taken; whatever the bytes throw
 */
export async function saveFile(
  { path, force, size, mtime, job }: SavedFile,
  bytesFrom: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
): Promise<void> {
  await refuseTaken(path, force);
  const part = `${path}.${job.replace(/^0x/, '').slice(0, ID_DIGITS)}.part`;
  const bytes = await bytesFrom(await usableLength(part, size));
  await pipeline(Readable.from(bytes), createWriteStream(part, { flags: 'a' }));
  if (mtime !== undefined) await utimes(part, mtime / 1000, mtime / 1000);
  await rename(part, path);
}

/** @throws PalisadeError `cli/usage` when a file cannot be put there */
export async function refuseTaken(path: string, force: boolean): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found?.isDirectory()) throw usageError(`${path} is a folder.`, 'Name a file with -o.');
  if (found && !force)
    throw usageError(
      `${path} is there already.`,
      'Replace it with --force, or name another with -o.',
    );
}

/** Length of what an earlier call has left; what cannot be a beginning of the file is removed. */
async function usableLength(part: string, size: number): Promise<number> {
  const found = await lstat(part).catch(ignoreMissing);
  if (!found) return 0;
  if (found.isFile() && found.size <= size) return found.size;
  await rm(part, { recursive: true });
  return 0;
}

/**
 * Unpacks an archive into a folder that is empty or not there; answers with its number of entries.
 * An archive cannot be continued in its middle: what was unpacked before an error goes.
 * @throws PalisadeError `cli/usage` when the folder is taken; whatever bytes and archive throw
 */
export async function saveFolder(path: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found && !found.isDirectory())
    throw usageError(`${path} is a file.`, 'Name a folder with -o.');
  if (found && (await readdir(path)).length > 0)
    throw usageError(`${path} is not empty.`, 'Name another folder with -o.');
  const part = `${path}.part`;
  await rm(part, { recursive: true, force: true });
  try {
    const { files } = await unpack(bytes, part);
    if (found) await rm(path, { recursive: true });
    await rename(part, path);
    return files;
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw error;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
