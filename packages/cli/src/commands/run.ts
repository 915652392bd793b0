/** `palisade run`: a module, its input, and the output that partners agree on. */
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { RunDone, RunProgress, RunQuote } from '@palisade/client';
import { equalBytes, PalisadeError, toHex } from '@palisade/core';
import { accountLeaf, type Context, execute, type Report } from '../command.ts';
import { refuseTaken, saveFile } from '../files/save.ts';
import type { Session } from '../session/session.ts';
import {
  countOf,
  formatAmount,
  formatSize,
  parseAmount,
  parseCount,
  shortId,
} from '../terminal/amounts.ts';
import { usageError } from '../terminal/print-error.ts';
import { facts } from '../terminal/table.ts';

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
  const input = options.input === undefined ? new Uint8Array(0) : await readFile(options.input);
  const { fold = DEFAULT_FOLD, maxPrice, minScore } = options;
  const limits = limitsOf(options);
  const market = await session.market();
  const bounds = {
    ...(maxPrice === undefined ? {} : { maxPrice }),
    ...(minScore === undefined ? {} : { minScore }),
  };
  const size = module.length + input.length;
  const quote = await market.quoteRun({ size, fuel: limits.fuel, fold, ...bounds });
  for (const line of quoteLines(quote, basename(file), size, options)) session.note(line);
  if (!(await session.agreed('Run it?')))
    return { json: { ran: false }, lines: ['Nothing was run, nothing was paid.'] };
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once('SIGINT', onInterrupt);
  try {
    const done = await market.run({
      module,
      input: new Uint8Array(input),
      limits,
      fold,
      maxRate: quote.maxRate,
      ...bounds,
      onProgress(progress) {
        const text = words(progress);
        if (text) session.note(text);
      },
      signal: stop.signal,
    });
    await give(session, done, path, options.force === true);
    return report(done, path);
  } catch (error) {
    throw stop.signal.aborted ? interrupted() : error;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
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

function quoteLines(quote: RunQuote, name: string, size: number, options: RunOptions): string[] {
  const { maxRate, escrow, fee, partners } = quote;
  const { fold = DEFAULT_FOLD, fuel = DEFAULT_FUEL } = options;
  return facts([
    ['what', `${name}, ${formatSize(size)} with its input; partners can read it`],
    ['fold', `${fold}, among ${countOf(partners.length, 'partner')} that could run it`],
    ['fuel', `at most ${fuel} million instructions`],
    ['price', `at most ${formatAmount(maxRate)} per partner; what is not used is not paid`],
    ['locked', `${formatAmount(escrow)}; what is not earned comes back`],
    ['fee', formatAmount(fee)],
  ]);
}

/** What a person is told of a step; not all are worth it. */
function words(progress: RunProgress): string | undefined {
  const who = 'partner' in progress ? shortId(toHex(progress.partner)) : '';
  switch (progress.step) {
    case 'in-block':
      return `Job ${toHex(progress.job)} is in block ${progress.height}.`;
    case 'started':
      return `Partner ${who} has it.`;
    case 'partner-failed':
      return `${progress.error.message} Another one is asked.`;
    case 'ran':
      return `Partner ${who}: ${progress.end} (${progress.reason}), ${progress.fuel} fuel.`;
    case 'no-result':
      return `Partner ${who} has no result: ${progress.reason}`;
    case 'disagreement':
      return 'The results differ. One more partner is asked, to decide.';
    case 'reported':
      return `Partner ${who} signed another result; the chain knows of it now.`;
    case 'paid':
      return `Partner ${who} is paid ${formatAmount(progress.amount)}.`;
    default:
      return undefined;
  }
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

/** A run that did not finish is a failure for scripts, though it is agreed upon and paid. */
function report(done: RunDone, path: string | undefined): Report {
  const { end, output, outputId, fuel, partners, fee } = done;
  const paid = partners.reduce((sum, one) => sum + one.paid, 0n);
  const told = partners.map(({ job, partner, result, reason, paid: amount }) => ({
    job,
    partner,
    paid: amount,
    ...(result ? { output: result.output } : {}),
    reason,
  }));
  const json = { ran: true, end, outputId, size: output.length, fuel, paid, fee, partners: told };
  const agreed = partners.filter(
    ({ result }) => result && result.fuel === fuel && equalBytes(result.output, outputId),
  ).length;
  return {
    json: { ...json, ...(path ? { path } : {}) },
    lines: path
      ? facts([
          ['end', end],
          ['output', `${path}, ${formatSize(output.length)}`],
          ['agreed', `${agreed} of ${countOf(partners.length, 'partner')}`],
          ['fuel', `${fuel}`],
          ['paid', formatAmount(paid)],
        ])
      : [],
    exitCode: end === 'finished' ? 0 : 1,
  };
}

function interrupted(): PalisadeError {
  return new PalisadeError({
    code: 'cli/interrupted',
    message: 'The run was interrupted. What is locked for it comes back when its session is over.',
    next: 'Run the same command again: it begins anew.',
  });
}
