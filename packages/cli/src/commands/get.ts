/** `palisade get` and `palisade share`. */
import { resolve } from 'node:path';
import type { Got, SourceProgress } from '@palisade/client';
import { toHex } from '@palisade/core';
import { accountLeaf, type Context, execute, type Report } from '../command.ts';
import { saveFile, saveFolder } from '../files/save.ts';
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
  const show = (bytes: AsyncIterable<Uint8Array>, from = 0) =>
    counted(bytes, from, (done) => bar.update(done, manifest.size));
  try {
    if (toStdout) {
      for await (const part of show(file.bytes)) await session.world.stdout(part);
      return { json: {}, lines: [] };
    }
    const asFolder = manifest.kind === 'directory' && options.unpack;
    const name =
      manifest.kind === 'directory' && !asFolder ? `${manifest.name}.tar` : manifest.name;
    const path = resolve(options.output ?? name);
    if (asFolder) return report(file, path, await saveFolder(path, show(file.bytes)));
    const { size, mtime } = manifest;
    const place = { path, force: options.force === true, size, mtime, job: toHex(file.view.id) };
    await saveFile(place, async (from) => {
      if (from === 0) return show(file.bytes);
      session.note(`Going on after the ${formatSize(from)} that are here already.`);
      return show(restOf(session, job, from), from);
    });
    return report(file, path);
  } finally {
    bar.end();
    await file.close();
  }
}

async function openFile(session: Session, text: string, from = 0): Promise<Got> {
  const onSource = ({ url, error }: SourceProgress) => {
    if (error) session.note(`${url} failed: ${error.message} Another partner is asked.`);
  };
  const market = await session.reader();
  const wish = { onSource, from };
  if (text.trim().startsWith('palisade-share:')) return market.getShared(text, wish);
  return market.get(await resolveJob(market, text), wish);
}

async function* restOf(session: Session, text: string, from: number): AsyncGenerator<Uint8Array> {
  const rest = await openFile(session, text, from);
  try {
    yield* rest.bytes;
  } finally {
    await rest.close();
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  from: number,
  tell: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  let done = from;
  for await (const chunk of source) {
    done += chunk.length;
    yield chunk;
    tell(done);
  }
}

/** `entries` of a folder that was unpacked. */
function report({ manifest, view, contentKey }: Got, path: string, entries?: number): Report {
  const { name, kind, size } = manifest;
  const files = entries ?? 1;
  return {
    json: { job: view.id, contentId: view.job.subject, name, kind, size, files, path },
    lines: facts([
      [entries === undefined ? 'file' : 'folder', path],
      ['size', entries === undefined ? formatSize(size) : sizeOf(size, entries)],
      ['checked', `against ${toHex(view.job.subject)}${contentKey ? ', and its seal' : ''}`],
    ]),
  };
}

function sizeOf(size: number, entries: number): string {
  if (entries === 0) return 'none: a folder without files';
  return `${formatSize(size)} in ${entries} ${entries === 1 ? 'entry' : 'entries'}`;
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
