/** Handing contents out, whole or in part, as fast as the reader takes them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toHex } from '@palisade/core';
import type { ContentStore } from '../storage/index.ts';
import { contentMissing } from '../storage/outcome.ts';
import { parseRange } from './range.ts';
import { COMMON_HEADERS, type Headers, sendRefusal } from './reply.ts';

/** A content never changes under its id. */
const FOREVER = 'public, max-age=31536000, immutable';
/** A reader must take this much in each window, or its connection is given up: 8 KiB a second. */
const WINDOW_MS = 15_000;
const LEAST_BYTES = 128 * 1024;

export type ContentOptions = {
  readonly store: ContentStore;
  /** Size of a content of the store; undefined when it is not there. */
  readonly sizeOf: (contentId: Uint8Array) => number | undefined;
  readonly onBytes: (bytes: number) => void;
};

export async function sendContent(
  { store, sizeOf, onBytes }: ContentOptions,
  contentId: Uint8Array,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const size = sizeOf(contentId);
  if (size === undefined) {
    sendRefusal(response, contentMissing(contentId));
    return;
  }
  const etag = `"${toHex(contentId)}"`;
  const fixed = { ...COMMON_HEADERS, etag, 'accept-ranges': 'bytes', 'cache-control': FOREVER };
  const range = rangeOf(request, size, etag);
  if (range === 'unsatisfiable') {
    response.writeHead(416, { ...fixed, 'content-range': `bytes */${size}`, 'content-length': 0 });
    response.end();
    return;
  }
  const { from, to } = range === 'whole' ? { from: 0, to: size } : range;
  const found = await store.read(contentId, from, to);
  if (!found.ok) return sendRefusal(response, found.refusal);
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, fixed).end();
    return;
  }
  const headers: Headers = {
    ...fixed,
    'content-type': 'application/octet-stream',
    'content-length': to - from,
    ...(range === 'whole' ? {} : { 'content-range': `bytes ${from}-${to - 1}/${size}` }),
  };
  response.writeHead(range === 'whole' ? 200 : 206, headers);
  if (request.method === 'HEAD') response.end();
  else await pump(found.value, response, onBytes);
}

function rangeOf(request: IncomingMessage, size: number, etag: string) {
  const { range, 'if-range': ifRange } = request.headers;
  return ifRange !== undefined && ifRange !== etag ? 'whole' : parseRange(range, size);
}

/** Writes piece by piece, each when the one before has left; ends when the reader goes or dawdles. */
async function pump(
  source: AsyncIterable<Uint8Array>,
  response: ServerResponse,
  onBytes: (bytes: number) => void,
): Promise<void> {
  let waitedMs = 0;
  let taken = 0;
  for await (const piece of source) {
    if (response.destroyed) return;
    onBytes(piece.length);
    taken += piece.length;
    const began = performance.now();
    const isGone = await written(response, piece, WINDOW_MS - waitedMs);
    if (!isGone) return void response.destroy();
    waitedMs += performance.now() - began;
    if (taken >= LEAST_BYTES) {
      taken = 0;
      waitedMs = 0;
    }
  }
  response.end();
}

/** Writes a piece. Whether the socket took all of it within the time, so that its bytes are free. */
function written(response: ServerResponse, piece: Uint8Array, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (moved: boolean) => {
      clearTimeout(timer);
      response.off('close', onClose);
      resolve(moved);
    };
    const onClose = () => settle(false);
    const timer = setTimeout(() => settle(false), withinMs);
    response.once('close', onClose);
    response.write(piece, (error) => settle(!error));
  });
}
