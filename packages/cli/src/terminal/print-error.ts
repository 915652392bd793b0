/** The one printer of errors: what happened, why, and what to do next. */
import { type ErrorData, PalisadeError } from '@palisade/core';
import { facts } from './table.ts';

/** Wrong use of the command line: exit code 2. */
export function usageError(message: string, next?: string): PalisadeError {
  return new PalisadeError({ code: 'cli/usage', message, ...(next ? { next } : {}) });
}

const OTHER_PATH = 'Check the path, or name another one.';
const OTHER_RIGHTS =
  'Change its rights, or name another path; PALISADE_HOME says where this program keeps things.';

/** What file systems say most often, in words, and what helps. */
const IO_ERRORS: Readonly<Record<string, readonly [message: string, next: string]>> = {
  ENOENT: ['There is no such file or folder', OTHER_PATH],
  EACCES: ['Access is not allowed', OTHER_RIGHTS],
  EPERM: ['Access is not allowed', OTHER_RIGHTS],
  EROFS: ['Nothing can be written there', OTHER_RIGHTS],
  EISDIR: ['It is a folder', OTHER_PATH],
  ENOTDIR: ['It is not a folder', OTHER_PATH],
  ENOSPC: ['The disk is full', 'Make room, and run it again.'],
  EEXIST: ['It exists already', OTHER_PATH],
  EMFILE: ['Too many files are open', 'Raise the limit (ulimit -n), or close other programs.'],
};

/** Anything that was thrown, be it nothing, as an error of ours. */
export function asPalisadeError(thrown: unknown): PalisadeError {
  if (thrown instanceof PalisadeError) return thrown;
  const { code, path, message } = (thrown ?? {}) as NodeJS.ErrnoException;
  const said = typeof code === 'string' ? IO_ERRORS[code] : undefined;
  if (said)
    return new PalisadeError({
      code: 'cli/io',
      message: `${said[0]}: ${path ?? message}`,
      next: said[1],
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
  const all = [data.tried, data.reasons, data.problems].flatMap((list) =>
    Array.isArray(list) ? (list as string[]) : [],
  );
  // Who was asked four times in vain says the same four times.
  const lists = [...new Set(all)];
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
  // Messages for logs list their problems on further lines, which stand below as reasons.
  const [what] = error.message.split('\n');
  const pairs: [string, string | undefined][] = [
    ['what', why.length > 0 ? what : error.message],
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
