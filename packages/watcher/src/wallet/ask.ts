/** Calls of a watcher's API, and what it refuses, as errors. */
import { exactJson, PalisadeError, parseExactJson } from '@palisade/core';
import { readBounded } from '@palisade/daemon/base';
import * as z from 'zod';
import { MAX_EVIDENCE_BYTES } from '../evidence/bundle.ts';

/** A payment waits for its block, a few seconds; nothing else takes long. */
const ASK_MS = 60_000;
/** Evidence against a full block is the largest answer. */
const MAX_ANSWER_BYTES = MAX_EVIDENCE_BYTES;

const envelope = z.object({ success: z.boolean(), data: z.unknown() });
const failure = z.object({
  code: z.string().max(200),
  description: z.string().max(2000).nullish(),
  messages: z.object({ next: z.string().max(2000).optional() }).nullish(),
});

/**
 * Asks, and reads the answer by a schema.
 * @throws PalisadeError `wallet/no-watcher`, `wallet/refused` with the watcher's reason, `wallet/bad-answer`
 */
export async function askWatcher<T>(
  base: string,
  method: string,
  body: unknown,
  answer: z.ZodType<T>,
): Promise<T> {
  const { success, data } = await request(base, method, envelope, {
    ...{ method: 'POST', body: exactJson(body) },
    headers: { 'content-type': 'application/json' },
  });
  if (!success) throw refused(method, data);
  const told = answer.safeParse(data);
  if (told.success) return told.data;
  throw badAnswer(base, method);
}

/**
 * Reads a page for operators by a schema.
 * @throws PalisadeError `wallet/no-watcher`, `wallet/bad-answer`
 */
export function readPage<T>(base: string, page: string, shape: z.ZodType<T>): Promise<T> {
  return request(base, page, shape, {});
}

async function request<T>(
  base: string,
  path: string,
  shape: z.ZodType<T>,
  init: RequestInit,
): Promise<T> {
  const bytes = await fetch(`${base.replace(/\/+$/, '')}/${path}`, {
    ...init,
    signal: AbortSignal.timeout(ASK_MS),
  })
    .then((response) => readBounded(response, MAX_ANSWER_BYTES))
    .catch((cause: Error) => {
      throw noWatcher(base, cause);
    });
  const read = bytes && shape.safeParse(parsed(bytes));
  if (read?.success) return read.data;
  throw badAnswer(base, path);
}

/** Undefined, which no shape takes, for what is no JSON. */
function parsed(bytes: Uint8Array): unknown {
  try {
    return parseExactJson(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function noWatcher(base: string, cause: Error): PalisadeError {
  return new PalisadeError({
    code: 'wallet/no-watcher',
    message: `No watcher answers at ${base}: ${cause.message}.`,
    next: 'Start one with palisade watch, or name its API with --api.',
    retry: 'later',
    cause,
  });
}

function refused(method: string, data: unknown): PalisadeError {
  const { code = 'unknown', description, messages } = failure.safeParse(data).data ?? {};
  return new PalisadeError({
    code: 'wallet/refused',
    message: description ?? `The watcher refuses ${method}: ${code}.`,
    data: { reason: code },
    ...(messages?.next === undefined ? {} : { next: messages.next }),
  });
}

function badAnswer(base: string, method: string): PalisadeError {
  return new PalisadeError({
    code: 'wallet/bad-answer',
    message: `${base} answers ${method} with something else than a watcher does.`,
    next: 'Check that --api is the address of a watcher.',
  });
}
