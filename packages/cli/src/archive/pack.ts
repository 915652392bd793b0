/** A folder as a tar archive: files, folders, and links that stay inside. */
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PalisadeError } from '@palisade/core';
import { type Pack, pack } from 'tar-stream';

/** Entries of a folder at most: beyond it, memory for their names is better spent elsewhere. */
const MAX_ENTRIES = 1_000_000;

export type Packed = { readonly files: number; readonly skipped: readonly string[] };

/**
 * Writes the archive of a folder to a file. Owners are left out, times and modes kept; links that
 * lead out of the folder, sockets and devices are skipped and named.
 */
export async function packFolder(folder: string, to: string): Promise<Packed> {
  const root = resolve(folder);
  const archive = pack();
  const skipped: string[] = [];
  const writing = pipeline(archive, createWriteStream(to, { mode: 0o600 }));
  let files = 0;
  try {
    for await (const path of walk(root)) {
      if (++files > MAX_ENTRIES) throw tooMany(root);
      if (!(await addEntry(archive, root, path))) skipped.push(relative(root, path));
    }
    archive.finalize();
    await writing;
  } catch (error) {
    archive.destroy(error as Error);
    await writing.catch(() => {}); // it fails for the same reason
    throw error;
  }
  return { files, skipped };
}

/** Everything below a folder, parents first, in the order of names: equal folders, equal archives. */
async function* walk(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    yield path;
    if (entry.isDirectory()) yield* walk(path);
  }
}

async function addEntry(archive: Pack, root: string, path: string): Promise<boolean> {
  const found = await lstat(path);
  const name = relative(root, path).split(sep).join('/');
  const head = { name, mode: found.mode & 0o777, mtime: found.mtime };
  if (found.isDirectory()) {
    await entry(archive, { ...head, type: 'directory' as const });
    return true;
  }
  if (found.isSymbolicLink()) {
    const linkname = await readlink(path);
    const target = resolve(dirname(path), linkname);
    if (target !== root && !target.startsWith(root + sep)) return false;
    await entry(archive, { ...head, type: 'symlink' as const, linkname });
    return true;
  }
  if (!found.isFile()) return false;
  await addFile(archive, { ...head, size: found.size }, path);
  return true;
}

function entry(archive: Pack, head: Parameters<Pack['entry']>[0]): Promise<void> {
  return new Promise((done, fail) => {
    archive.entry(head, (error) => (error ? fail(error) : done()));
  });
}

/** Exactly the announced bytes: of a file that grows meanwhile, what it had; one that shrinks fails. */
async function addFile(
  archive: Pack,
  head: { name: string; size: number },
  path: string,
): Promise<void> {
  let written = 0;
  const target = archive.entry(head);
  await pipeline(
    async function* read() {
      if (head.size === 0) return;
      for await (const chunk of createReadStream(path, { end: head.size - 1 })) {
        written += (chunk as Uint8Array).length;
        yield chunk;
      }
      if (written !== head.size) throw changed(path);
    },
    target as unknown as NodeJS.WritableStream,
  );
}

function changed(path: string): PalisadeError {
  return new PalisadeError({
    code: 'cli/source-changed',
    message: `${path} changed while it was read.`,
    retry: 'later',
    next: 'Start again once nothing writes to it.',
  });
}

function tooMany(root: string): PalisadeError {
  return new PalisadeError({
    code: 'cli/too-many-files',
    message: `${root} has more than ${MAX_ENTRIES} entries.`,
    next: 'Store it in several parts, or as one archive of your own.',
  });
}
