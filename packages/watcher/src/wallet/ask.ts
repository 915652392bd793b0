/** Calls of a watcher's API, and what it refuses, as errors. */
import { exactJson, PalisadeError, parseExactJson } from '@palisade/core';
import { z } from 'zod';

/** A payment waits for its block, a few seconds; nothing else takes long. */
const ASK_MS = 60_000;

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
  const read = envelope.safeParse(await post(base, method, body));
  if (!read.success) throw badAnswer(base, method);
  const { success, data } = read.data;
  if (!success) throw refused(method, data);
  const told = answer.safeParse(data);
  if (told.success) return told.data;
  throw badAnswer(base, method);
}

async function post(base: string, method: string, body: unknown): Promise<unknown> {
  try {
    const response = await fetch(`${base.replace(/\/+$/, '')}/${method}`, {
      ...{ method: 'POST', body: exactJson(body), signal: AbortSignal.timeout(ASK_MS) },
      headers: { 'content-type': 'application/json' },
    });
    return parseExactJson(await response.text());
  } catch (cause) {
    throw new PalisadeError({
      code: 'wallet/no-watcher',
      message: `No watcher answers at ${base}: ${(cause as Error).message}.`,
      next: 'Start one with palisade watch, or name its API with --api.',
      retry: 'later',
      cause,
    });
  }
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
