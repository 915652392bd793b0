/** `palisade put`: seal, quote, agree, store. */
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { type MarketClient, type PutState, type Spooled, spoolFile } from '@palisade/client';
import { PalisadeError, toHex } from '@palisade/core';
import { packFolder } from '../archive/pack.ts';
import { accountLeaf, type Context, execute, type Report } from '../command.ts';
import {
  holdPutFolder,
  isSameSource,
  newPutFolder,
  type PutFolder,
  type PutSource,
  sweepSpool,
  type UnfinishedPut,
  unfinishedPuts,
} from '../files/puts.ts';
import { writeRecord } from '../files/records.ts';
import { fileSpool, openSpool } from '../files/spool-file.ts';
import type { Session } from '../session/session.ts';
import { countOf, parseAmount, parseCount, parseDuration } from '../terminal/amounts.ts';
import { usageError } from '../terminal/print-error.ts';
import { quoteLines, report, teller } from './put-words.ts';

type PutOptions = {
  readonly for?: number | undefined;
  readonly replicas?: number | undefined;
  readonly maxPrice?: bigint | undefined;
  readonly minScore?: number | undefined;
  readonly public?: true | undefined;
  readonly resume?: true | undefined;
};

export function putCommand(context: Context) {
  return accountLeaf(
    'put',
    'Store a file or a folder with several partners',
    'palisade put report.pdf --replicas 3 --for 10m',
  )
    .argument('[file]', 'file or folder; not needed with --resume')
    .option('--replicas <n>', 'copies, each with another partner', parseCount(1, 32))
    .option('--for <time>', 'how long, as 10m, 4h or 2d', parseDuration)
    .option('--max-price <amount>', 'most per started MiB and session, in PAL', parseAmount)
    .option('--min-score <n>', 'only partners that score as much, 0 to 1000', parseCount(0, 1000))
    .option('--public', 'store it unsealed: whoever knows the job id can read it')
    .option('--resume', 'go on with a put that was interrupted')
    .option('-y, --yes', 'do not ask before paying')
    .action((file, options) => execute(context, options, (session) => put(session, file, options)));
}

async function put(
  session: Session,
  file: string | undefined,
  options: PutOptions,
): Promise<Report> {
  if (file === undefined && !options.resume)
    throw usageError('There is nothing to store.', 'palisade put FILE');
  const market = await session.market();
  const source = file === undefined ? undefined : await sourceOf(file, options.public === true);
  const begun = await findBegun(session, source, options);
  if (begun) {
    try {
      return await goOn(session, market, begun, options);
    } catch (error) {
      const isOver = error instanceof PalisadeError && error.code === 'client/job-over';
      if (!isOver || !source) throw error;
      session.note(`${error.message} A new put begins.`);
    }
  }
  if (!source) throw usageError('There is no unfinished put.', 'palisade put FILE');
  return begin(session, market, source, options);
}

async function sourceOf(file: string, isPublic: boolean): Promise<PutSource> {
  const path = resolve(file);
  const found = await stat(path);
  const kind = found.isDirectory() ? 'directory' : 'file';
  if (kind === 'file' && !found.isFile())
    throw usageError(`${file} is neither a file nor a folder.`);
  const mtimeMs = Math.floor(found.mtimeMs);
  return { path, name: basename(path), kind, size: found.size, mtimeMs, isPublic };
}

/** A put of the same source, by the same account, on the same chain. */
async function findBegun(
  session: Session,
  source: PutSource | undefined,
  { resume }: PutOptions,
): Promise<UnfinishedPut | undefined> {
  const [{ genesisHash }, { address }] = await Promise.all([
    session.chain.domain(),
    session.account(),
  ]);
  const mine = (await unfinishedPuts(session.home.spool)).filter(
    (put) => put.genesisHash === toHex(genesisHash) && toHex(put.state.client) === address,
  );
  const found = source ? mine.filter((put) => isSameSource(put.source, source)) : mine;
  if (source || found.length <= 1) {
    if (resume && found.length === 0)
      throw source
        ? usageError('There is no unfinished put of that.', 'Leave out --resume to begin one.')
        : usageError('There is no unfinished put.', 'palisade put FILE begins one.');
    return found[0];
  }
  const names = found.map((put) => put.source.path);
  throw usageError(
    `${found.length} puts are unfinished: ${names.join(', ')}.`,
    'Name one of them.',
  );
}

async function begin(
  session: Session,
  market: MarketClient,
  source: PutSource,
  options: PutOptions,
): Promise<Report> {
  const { config } = session;
  await sweepSpool(session.home.spool);
  const folder = await newPutFolder(session.home.spool);
  let hasRequest = false;
  try {
    const spooled = await spool(session, folder, source);
    const maxPrice =
      options.maxPrice ??
      (config.maxPrice === undefined ? undefined : parseAmount(config.maxPrice));
    const quote = await market.quote({
      size: spooled.size,
      replicas: config.replicas,
      durationMs: options.for ?? parseDuration(config.duration),
      ...(maxPrice === undefined ? {} : { maxPrice }),
      ...least(options),
    });
    for (const line of quoteLines(quote, source)) session.note(line);
    if (!(await session.agreed('Store it?')))
      return { json: { stored: false }, lines: ['Nothing was stored, nothing was paid.'] };
    const { sessions, maxRate, replicas } = quote;
    const onState = async (state: PutState) => {
      hasRequest ||= state.request !== undefined;
      const { genesisHash } = await session.chain.domain();
      await folder.save(toHex(genesisHash), source, state);
    };
    const wish = { ...spooled, sessions, maxRate, replicas, ...least(options) };
    return await finish(session, market, { folder, source, wish, fee: quote.fee, onState });
  } finally {
    // Once a request is signed, the folder is what a second try goes on with.
    if (!hasRequest) await folder.remove();
    else folder.release();
  }
}

/** The partners' least score, where one is wanted. */
function least({ minScore }: PutOptions): { readonly minScore?: number } {
  return minScore === undefined ? {} : { minScore };
}

async function goOn(
  session: Session,
  market: MarketClient,
  { folder: path, source, state }: UnfinishedPut,
  options: PutOptions,
): Promise<Report> {
  const folder = await holdPutFolder(path);
  try {
    const { contentId, replicas, sessions, maxRate } = state;
    const terms = `${countOf(replicas, 'copy', 'copies')}, ${countOf(sessions, 'session')}`;
    session.note(`Going on with the put of ${source.path}: ${terms}.`);
    const spool = await openSpool(folder.content);
    const { genesisHash } = await session.chain.domain();
    const onState = (next: PutState) => folder.save(toHex(genesisHash), source, next);
    const wish = { spool, contentId, replicas, sessions, maxRate, state, ...least(options) };
    return await finish(session, market, { folder, source, wish, fee: undefined, onState });
  } finally {
    folder.release();
  }
}

type Finish = {
  readonly folder: PutFolder;
  readonly source: PutSource;
  readonly wish: Parameters<MarketClient['put']>[0];
  readonly fee: bigint | undefined;
  readonly onState: (state: PutState) => Promise<void>;
};

async function finish(
  session: Session,
  market: MarketClient,
  { folder, source, wish, fee, onState }: Finish,
): Promise<Report> {
  const bar = session.progress('sending');
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once('SIGINT', onInterrupt);
  try {
    const onProgress = teller(session, bar, wish.replicas * wish.spool.size);
    const result = await market.put({ ...wish, onState, onProgress, signal: stop.signal });
    bar.end();
    const { name, kind, size, isPublic } = source;
    const job = toHex(result.job);
    const storedMs = session.world.nowMs();
    await writeRecord(session.home.files, { job, name, kind, size, isPublic, storedMs });
    await folder.remove();
    return report(result, source, fee);
  } catch (error) {
    if (error instanceof PalisadeError && error.code === 'client/job-over') await folder.remove();
    throw stop.signal.aborted ? interrupted() : error;
  } finally {
    bar.end();
    process.off('SIGINT', onInterrupt);
  }
}

async function spool(session: Session, folder: PutFolder, source: PutSource): Promise<Spooled> {
  const { path, name, kind, size, mtimeMs: mtime, isPublic } = source;
  const key = isPublic ? undefined : { ownerSecret: (await session.account()).ownerSecret };
  const write = fileSpool(folder.content);
  if (kind === 'file') {
    const bar = session.progress(isPublic ? 'reading' : 'sealing');
    const stream = counted(createReadStream(path), (done) => bar.update(done, size));
    const spooled = await spoolFile(stream, { name, kind, size, mtime }, key, write);
    bar.end();
    return spooled;
  }
  const archive = `${folder.content}.tar`;
  try {
    const { skipped } = await packFolder(path, archive);
    for (const left of skipped) session.note(`Left out: ${left} (a link out of it, or no file).`);
    const { size: archived } = await stat(archive);
    const manifest = { name, kind, size: archived, mtime };
    return await spoolFile(createReadStream(archive), manifest, key, write);
  } finally {
    await rm(archive, { force: true });
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  tell: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of source) {
    done += chunk.length;
    tell(done);
    yield chunk;
  }
}

function interrupted(): PalisadeError {
  return new PalisadeError({
    code: 'cli/interrupted',
    message: 'The put was interrupted.',
    retry: 'now',
    next: 'Run the same command again: it goes on where it stopped.',
  });
}
