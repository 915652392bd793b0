/** The one printer of errors: what happened, why, and what to do next. */
import { type ErrorData, PalisadeError } from '@palisade/core';
import { facts } from './table.ts';

/** Wrong use of the command line: exit code 2. */
export function usageError(message: string, next?: string): PalisadeError {
  return new PalisadeError({ code: 'cli/usage', message, ...(next ? { next } : {}) });
}

/** What file systems say most often, in words. */
const IO_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file or folder',
  EACCES: 'Access is not allowed',
  EISDIR: 'It is a folder',
  ENOTDIR: 'It is not a folder',
  ENOSPC: 'The disk is full',
  EEXIST: 'It exists already',
  EMFILE: 'Too many files are open',
};

/** Anything that was thrown as an error of ours. */
export function asPalisadeError(thrown: unknown): PalisadeError {
  if (thrown instanceof PalisadeError) return thrown;
  const { code, path, message } = thrown as NodeJS.ErrnoException;
  if (typeof code === 'string' && IO_ERRORS[code])
    return new PalisadeError({
      code: 'cli/io',
      message: `${IO_ERRORS[code]}: ${path ?? message}`,
      cause: thrown,
    });
  return new PalisadeError({
    code: 'cli/bug',
    message: `Something went wrong that should not: ${message ?? String(thrown)}`,
    next: 'Run it again with PALISADE_DEBUG=1 and report what it prints.',
    cause: thrown,
  });
}

/** Reasons shown at most; the first ones tell the story. */
const MAX_REASONS = 6;

/** The details of an error that answer "why". */
function reasons({ data, cause }: PalisadeError): string[] {
  const lists = [data.tried, data.reasons, data.problems].flatMap((list) =>
    Array.isArray(list) ? (list as string[]) : [],
  );
  if (lists.length > MAX_REASONS)
    return [...lists.slice(0, MAX_REASONS), `and ${lists.length - MAX_REASONS} more`];
  if (lists.length > 0) return lists;
  return cause instanceof PalisadeError ? [cause.message] : [];
}

/** Lines for a person. */
export function errorLines(
  error: PalisadeError,
  paint: { red(text: string): string; dim(text: string): string },
): string[] {
  const why = reasons(error);
  const pairs: [string, string | undefined][] = [
    ['what', error.message],
    ...why.map((reason, i): [string, string] => [i === 0 ? 'why' : '', reason]),
    ['next', error.next],
  ];
  return [paint.red(`✗ ${error.code}`), ...facts(pairs, paint.dim).map((line) => `  ${line}`)];
}

/** The same for a program. */
export function errorJson({ code, message, next, retry, data }: PalisadeError) {
  return { error: { code, message, ...(next ? { next } : {}), retry, data: plain(data) } };
}

function plain(data: ErrorData): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      typeof value === 'bigint' ? `${value}` : value,
    ]),
  );
}
