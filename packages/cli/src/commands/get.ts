/** `palisade get` and `palisade share`. */
import { createWriteStream } from 'node:fs';
import { lstat, readdir, rename, rm, utimes } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Got, SourceProgress } from '@palisade/client';
import { toHex } from '@palisade/core';
import { unpack } from '../archive/unpack.ts';
import { accountLeaf, type Context, execute, type Report } from '../command.ts';
import { resolveJob } from '../session/jobs.ts';
import type { Session } from '../session/session.ts';
import { formatSize } from '../terminal/amounts.ts';
import { usageError } from '../terminal/print-error.ts';
import { facts } from '../terminal/table.ts';

type GetOptions = {
  readonly output?: string | undefined;
  readonly force?: true | undefined;
  readonly unpack: boolean;
};

export function getCommand(context: Context) {
  return accountLeaf(
    'get',
    'Fetch what was stored, and check every byte of it',
    'palisade get 0xa90129b25d -o report.pdf',
  )
    .argument('<job>', 'job id, the beginning of one, or a share string')
    .option('-o, --output <path>', 'where to put it; - is standard output')
    .option('-f, --force', 'replace a file that is there')
    .option('--no-unpack', 'leave a folder in its archive')
    .action((job, options) => execute(context, options, (session) => get(session, job, options)));
}

async function get(session: Session, job: string, options: GetOptions): Promise<Report> {
  const toStdout = options.output === '-';
  if (toStdout && session.isJson)
    throw usageError(
      'Standard output cannot hold the file and JSON.',
      'Leave out --json, or -o -.',
    );
  const file = await openFile(session, job);
  const { manifest } = file;
  const bar = session.progress('fetching');
  const bytes = counted(file.bytes, (done) => bar.update(done, manifest.size));
  try {
    if (toStdout) {
      for await (const part of bytes) await session.world.stdout(part);
      return { json: {}, lines: [] };
    }
    const asFolder = manifest.kind === 'directory' && options.unpack;
    const name =
      manifest.kind === 'directory' && !asFolder ? `${manifest.name}.tar` : manifest.name;
    const path = resolve(options.output ?? name);
    const count = asFolder
      ? await intoFolder(bytes, path)
      : await intoFile(bytes, path, options.force === true, manifest.mtime);
    bar.end();
    return report(file, path, count);
  } finally {
    bar.end();
    await file.close();
  }
}

async function openFile(session: Session, text: string): Promise<Got> {
  const onSource = ({ url, error }: SourceProgress) => {
    if (error) session.note(`${url} failed: ${error.message} Another partner is asked.`);
  };
  const market = await session.reader();
  if (text.trim().startsWith('palisade-share:')) return market.getShared(text, { onSource });
  return market.get(await resolveJob(market, text), { onSource });
}

/** Writes beside the place, and moves there when everything was checked. */
async function intoFile(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  force: boolean,
  mtime: number | undefined,
): Promise<number> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found?.isDirectory()) throw usageError(`${path} is a folder.`, 'Name a file with -o.');
  if (found && !force)
    throw usageError(
      `${path} is there already.`,
      'Replace it with --force, or name another with -o.',
    );
  const part = `${path}.part`;
  await rm(part, { force: true });
  try {
    await pipeline(Readable.from(bytes), createWriteStream(part, { flags: 'wx' }));
    if (mtime !== undefined) await utimes(part, mtime / 1000, mtime / 1000);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  return 1;
}

async function intoFolder(bytes: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found && !found.isDirectory())
    throw usageError(`${path} is a file.`, 'Name a folder with -o.');
  if (found && (await readdir(path)).length > 0)
    throw usageError(`${path} is not empty.`, 'Name another folder with -o.');
  // Beside its place until all of it was checked: a broken download leaves nothing half done.
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

async function* counted(
  source: AsyncIterable<Uint8Array>,
  tell: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of source) {
    done += chunk.length;
    yield chunk;
    tell(done);
  }
}

function report({ manifest, view, contentKey }: Got, path: string, files: number): Report {
  const { name, kind, size } = manifest;
  return {
    json: { job: view.id, contentId: view.job.subject, name, kind, size, files, path },
    lines: facts([
      ['file', path],
      ['size', kind === 'directory' ? `${formatSize(size)} in ${files} entries` : formatSize(size)],
      ['checked', `against ${toHex(view.job.subject)}${contentKey ? ', and its seal' : ''}`],
    ]),
  };
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

export function shareCommand(context: Context) {
  return accountLeaf(
    'share',
    'Make a string that lets somebody else open one file',
    'palisade share 0xa90129b25d',
  )
    .argument('<job>', 'job id, or the beginning of one of yours')
    .action((job, options) =>
      execute(context, options, async (session) => {
        const market = await session.market();
        const text = await market.share(await resolveJob(market, job));
        session.note('Whoever has this string can open this one file, as long as it is stored:');
        return { json: { share: text }, lines: [text] };
      }),
    );
}
