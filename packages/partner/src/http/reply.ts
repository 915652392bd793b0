/** Answers, in the forms of spec/api.md. */
import type { ServerResponse } from 'node:http';
import { PalisadeError, type Refusal, refuse } from '@palisade/core';
import { statusOf } from './refusal-status.ts';

export type Headers = Readonly<Record<string, string | number>>;

/** Browsers are clients too: everything here may be read from any page, nothing asks for cookies. */
export const COMMON_HEADERS: Headers = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'content-range, etag',
  'x-content-type-options': 'nosniff',
};

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Headers = {},
): void {
  sendText(response, status, 'application/json', JSON.stringify(value, plain), headers);
}

export function sendText(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  headers: Headers = {},
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    ...COMMON_HEADERS,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** Answers with a refusal. */
export function sendRefusal(response: ServerResponse, refusal: Refusal): void {
  const { code, message, next, retry, data } = refusal;
  sendJson(response, statusOf(refusal), { error: { code, message, next, retry, data } });
}

/** A thrown thing as a refusal; what is not meant for strangers is not told. */
export function refusalOfError(error: unknown): Refusal {
  if (error instanceof PalisadeError) {
    const { code, message, next, retry, data } = error;
    const known =
      code.startsWith('api/') || code.startsWith('market/') || code.startsWith('chain/');
    if (known) return refuse(code, message, { retry, data, ...(next ? { next } : {}) });
    if (code.startsWith('client/'))
      return refuse('partner/not-connected', 'This partner reaches no validator now.', {
        retry: 'later',
        next: 'Try again in a minute, or ask another partner.',
      });
  }
  return refuse('api/failed', 'Something went wrong here; the operator finds it in the log.', {
    retry: 'later',
  });
}

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}
