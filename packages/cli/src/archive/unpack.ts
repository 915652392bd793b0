/**
 * Unpacks an archive into a folder that it cannot leave. Names come from whoever stored it:
 * absolute paths, `..`, and links that lead out are refused, nothing is written through a link,
 * and nothing that exists is replaced.
 */
import { createWriteStream } from 'node:fs';
import { chmod, lstat, mkdir, symlink, utimes } from 'node:fs/promises';
import { dirname, join, posix, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PalisadeError } from '@palisade/core';
import { extract, type Header } from 'tar-stream';

/** Entries of an archive at most: as many as are packed. */
const MAX_ENTRIES = 1_000_000;

export type Unpacked = { readonly files: number; readonly bytes: number };

/**
 * Unpacks into `folder`, which is made if need be.
 * @throws PalisadeError `cli/unsafe-archive` at the first entry that does not belong inside
 */
export async function unpack(
  content: AsyncIterable<Uint8Array>,
  folder: string,
): Promise<Unpacked> {
  const root = resolve(folder);
  await mkdir(root, { recursive: true });
  const archive = extract();
  const reading = pipeline(Readable.from(content), archive);
  reading.catch(() => {}); // the loop below ends with the same error
  const folders: { path: string; mode: number; mtime: Date }[] = [];
  let files = 0;
  let bytes = 0;
  for await (const entry of archive) {
    if (++files > MAX_ENTRIES) throw unsafe(entry.header.name, 'it has too many entries');
    const { name, type, size, mode, mtime } = entry.header;
    const path = placeOf(root, name);
    if (path === root) {
      entry.resume();
      continue;
    }
    await checkParents(root, path, name);
    if (type === 'directory') {
      await makeFolder(path, name);
      folders.push({ path, mode, mtime });
    } else if (type === 'symlink') await makeLink(root, path, name, entry.header.linkname);
    else if (type === 'file' || type === 'contiguous-file') {
      await writeFile(entry as AsyncIterable<Uint8Array>, entry.header, path);
      bytes += size;
    } else throw unsafe(name, `a ${type} is no file`);
    entry.resume();
  }
  await reading;
  // Last, because writing into a folder changes its time and needs its mode to allow it.
  for (const { path, mode, mtime } of folders.reverse()) {
    await chmod(path, mode & 0o777);
    await utimes(path, mtime, mtime);
  }
  return { files, bytes };
}

/** Where a name leads, if that is inside. */
function placeOf(root: string, name: string): string {
  const parts = name.split(/[/\\]/);
  const isAbsolute = name.startsWith('/') || name.startsWith('\\') || /^[a-z]:/i.test(name);
  if (isAbsolute || parts.includes('..') || name.includes('\0'))
    throw unsafe(name, 'its path leads out of the folder');
  const path = resolve(root, posix.normalize(name));
  if (path !== root && !path.startsWith(root + sep)) throw unsafe(name, 'its path leads out');
  return path;
}

/** Every folder on the way must be a real one: nothing is written through a link. */
async function checkParents(root: string, path: string, name: string): Promise<void> {
  const missing: string[] = [];
  for (let at = dirname(path); at !== root; at = dirname(at)) {
    const found = await lstat(at).catch(ignoreMissing);
    if (!found) missing.push(at);
    else if (!found.isDirectory()) throw unsafe(name, 'it lies behind a link or a file');
  }
  for (const folder of missing.reverse()) await mkdir(folder);
}

async function makeFolder(path: string, name: string): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing);
  if (!found) await mkdir(path);
  else if (!found.isDirectory()) throw unsafe(name, 'its place is taken');
}

async function makeLink(
  root: string,
  path: string,
  name: string,
  to: string | null,
): Promise<void> {
  if (!to) throw unsafe(name, 'it links to nothing');
  const target = resolve(dirname(path), to);
  const isInside = target === root || target.startsWith(root + sep);
  if (to.startsWith('/') || !isInside)
    throw unsafe(name, `it links to '${to.slice(0, 80)}', outside of the folder`);
  await symlink(to, path).catch(refuseTaken(name));
}

async function writeFile(
  content: AsyncIterable<Uint8Array>,
  { name, mode, mtime }: Header,
  path: string,
): Promise<void> {
  // `wx` fails where anything is, a link included.
  const target = createWriteStream(path, { flags: 'wx', mode: mode & 0o777 });
  await pipeline(content, target).catch(refuseTaken(name));
  await utimes(path, mtime, mtime);
}

function refuseTaken(name: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.code === 'EEXIST') throw unsafe(name, 'its place is taken');
    throw error;
  };
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function unsafe(name: string, why: string): PalisadeError {
  const shown = JSON.stringify(join(name).slice(0, 120));
  return new PalisadeError({
    code: 'cli/unsafe-archive',
    message: `The archive has an entry ${shown} that is not unpacked: ${why}.`,
    next: 'Get it as a file (-o NAME.tar --no-unpack) and look at it before you use it.',
  });
}
