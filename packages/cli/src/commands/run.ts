/** `palisade run`: a module, its input, and the output that partners agree on. */
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { MarketClient, RunDone } from '@palisade/client';
import { describeContent, PalisadeError, toHex } from '@palisade/core';
import { encodeWork, type Work } from '@palisade/market/schema';
import { accountLeaf, type Context, execute, type Report } from '../command.ts';
import { openRunFile } from '../files/runs.ts';
import { refuseTaken, saveFile } from '../files/save.ts';
import type { Session } from '../session/session.ts';
import { parseAmount, parseCount } from '../terminal/amounts.ts';
import { usageError } from '../terminal/print-error.ts';
import { quoteLines, report, words } from './run-words.ts';

type RunOptions = {
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  readonly fold?: number | undefined;
  readonly fuel?: number | undefined;
  readonly memory?: number | undefined;
  readonly maxOutput?: number | undefined;
  readonly maxPrice?: bigint | undefined;
  readonly minScore?: number | undefined;
  readonly force?: true | undefined;
};

const MIB = 2 ** 20;
/** Two partners that agree are not one that is believed. */
const DEFAULT_FOLD = 2;
/** In millions of instructions: a second or so. */
const DEFAULT_FUEL = 1000;
/** MiB: what development partners allow a module, and less than others do. */
const DEFAULT_MEMORY = 64;
const DEFAULT_OUTPUT = 16;
/** Fuel is an unsigned number of 64 bits, and JavaScript's numbers end at 2^53. */
const MAX_MILLIONS = 2 ** 33;

export function runCommand(context: Context) {
  return accountLeaf(
    'run',
    'Have a WebAssembly module run by partners that must agree',
    'palisade run count.wasm --input words.txt --fold 2 -o counts.txt',
  )
    .argument('<module>', 'the module (spec/computation.md says what it may do)')
    .option('--input <file>', 'what it reads; nothing unless given')
    .option('-o, --output <path>', 'where its output goes; - is standard output')
    .option('--fold <n>', 'how many partners do the same work', parseCount(1, 16))
    .option('--fuel <n>', 'most instructions, in millions', parseCount(1, MAX_MILLIONS))
    .option('--memory <n>', 'most memory, in MiB', parseCount(1, 4096))
    .option('--max-output <n>', 'most output, in MiB', parseCount(1, 256))
    .option('--max-price <amount>', 'most per started 2^20 instructions, in PAL', parseAmount)
    .option('--min-score <n>', 'only partners that score as much, 0 to 1000', parseCount(0, 1000))
    .option('-f, --force', 'replace a file that is there')
    .option('-y, --yes', 'do not ask before paying')
    .action((module, options) =>
      execute(context, options, (session) => run(session, module, options)),
    );
}

async function run(session: Session, file: string, options: RunOptions): Promise<Report> {
  const toStdout = options.output === '-';
  if (toStdout && session.isJson)
    throw usageError('Standard output cannot hold output and JSON.', 'Leave out --json, or -o -.');
  const path = toStdout ? undefined : resolve(options.output ?? `${basename(file)}.out`);
  if (path) await refuseTaken(path, options.force === true);
  const module = new Uint8Array(await readFile(file));
  const input = new Uint8Array(options.input === undefined ? [] : await readFile(options.input));
  const { fold = DEFAULT_FOLD, maxPrice, minScore } = options;
  const work = { module, input, limits: limitsOf(options), fold };
  const market = await session.market();
  const bounds = {
    ...(maxPrice === undefined ? {} : { maxPrice }),
    ...(minScore === undefined ? {} : { minScore }),
  };
  const begun = await openRunFile(session.home.runs, await nameOf(session, work));
  const maxRate =
    begun.hires[0]?.maxRate ?? (await agreedRate(session, market, basename(file), work, bounds));
  if (maxRate === undefined)
    return { json: { ran: false }, lines: ['Nothing was run, nothing was paid.'] };
  if (begun.hires.length > 0) session.note('Going on with the run that was interrupted.');
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once('SIGINT', onInterrupt);
  try {
    const done = await market.run({
      ...work,
      ...bounds,
      maxRate,
      hires: begun.hires,
      onHires: begun.save,
      onProgress(progress) {
        const text = words(progress);
        if (text) session.note(text);
      },
      signal: stop.signal,
    });
    await give(session, done, path, options.force === true);
    await begun.remove();
    return report(done, path);
  } catch (error) {
    if (error instanceof PalisadeError && error.code === 'client/no-agreement')
      await begun.remove();
    throw stop.signal.aborted ? interrupted() : error;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

type RunWork = Work & { readonly fold: number };

/** What makes two runs the same one. */
async function nameOf(session: Session, work: RunWork): Promise<readonly string[]> {
  const [{ genesisHash }, { address }] = await Promise.all([
    session.chain.domain(),
    session.account(),
  ]);
  const { contentId } = describeContent([encodeWork(work)]);
  return [toHex(genesisHash), address, toHex(contentId), `${work.fold}`];
}

/** The most that each partner is paid, when it is agreed to. */
async function agreedRate(
  session: Session,
  market: MarketClient,
  name: string,
  { module, input, limits: { fuel }, fold }: RunWork,
  bounds: { readonly maxPrice?: bigint; readonly minScore?: number },
): Promise<bigint | undefined> {
  const size = module.length + input.length;
  const quote = await market.quoteRun({ size, fuel, fold, ...bounds });
  for (const line of quoteLines(quote, { name, size, fold, fuel })) session.note(line);
  return (await session.agreed('Run it?')) ? quote.maxRate : undefined;
}

function limitsOf({
  fuel = DEFAULT_FUEL,
  memory = DEFAULT_MEMORY,
  maxOutput = DEFAULT_OUTPUT,
}: RunOptions) {
  return {
    fuel: BigInt(fuel) * 1_000_000n,
    memoryBytes: BigInt(memory * MIB),
    outputBytes: maxOutput * MIB,
  };
}

async function give(
  session: Session,
  { output, outputId }: RunDone,
  path: string | undefined,
  force: boolean,
): Promise<void> {
  if (path === undefined) return session.world.stdout(output);
  const place = { path, force, size: output.length, mtime: undefined, job: toHex(outputId) };
  await saveFile(place, async (from) => once(output.subarray(from)));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function interrupted(): PalisadeError {
  return new PalisadeError({
    code: 'cli/interrupted',
    message: 'The run was interrupted. What nobody earns comes back when its session is over.',
    next: 'Run the same command again: it goes on with what the partners have found.',
  });
}
