/** Refusals as HTTP answers. */
import { type ErrorData, PalisadeError, type Refusal } from '@palisade/core';
import type { Context } from 'hono';

/** HTTP status of a refusal: what it is about decides, the code tells exactly. */
function statusOf({
  code,
  retry,
}: Pick<Refusal, 'code' | 'retry'>): 400 | 403 | 404 | 410 | 413 | 421 | 429 | 503 {
  if (code === 'market/not-active') return 421;
  if (code === 'market/payout-file-moved') return 410;
  if (code === 'envelope/too-large' || code === 'api/too-large') return 413;
  if (code === 'envelope/bad-signature' || code === 'market/not-the-client') return 403;
  if (/\/(not-found|no-such-.*|unknown-(name|query|store))$/.test(code)) return 404;
  if (code === 'api/too-often' || code === 'market/too-often' || code === 'market/shut-up')
    return 429;
  return retry === 'later' ? 503 : 400;
}

function plain(data: ErrorData | undefined): Record<string, unknown> | undefined {
  if (!data) return undefined;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      typeof value === 'bigint' ? `${value}` : value,
    ]),
  );
}

export function refusalResponse(c: Context, refusal: Refusal): Response {
  const { code, message, next, retry, data } = refusal;
  return c.json({ error: { code, message, next, retry, data: plain(data) } }, statusOf(refusal));
}

/** What is told of a bug: nothing that could help to use it. */
export const INTERNAL: Refusal = {
  code: 'api/internal',
  message: 'The validator failed to answer; its log says why.',
  retry: 'later',
};

/** Answers for what was thrown: known errors by their code, anything else as a bug, without details. */
export function errorResponse(c: Context, error: unknown): Response {
  if (error instanceof PalisadeError) {
    const { code, message, next, retry, data } = error;
    return refusalResponse(c, { code, message, retry, data, ...(next ? { next } : {}) });
  }
  return c.json({ error: INTERNAL }, 500);
}
