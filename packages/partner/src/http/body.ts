/** Reading request bodies: bounded in size and time. */
import type { IncomingMessage } from 'node:http';
import { PalisadeError } from '@palisade/core';

/** A head, or a small body, takes no longer than this; a slower one only holds a connection. */
export const REQUEST_MS = 10_000;
/** A large body must bring this much in each window, or its connection is given up: 8 KiB a second. */
const WINDOW_MS = 15_000;
const LEAST_BYTES = 128 * 1024;

export function tooLarge(most: number): PalisadeError {
  return new PalisadeError({
    code: 'api/too-large',
    message: `The body may have ${most} bytes here.`,
  });
}

function tooSlow(): PalisadeError {
  return new PalisadeError({
    code: 'api/too-slow',
    message: 'The body came too slowly, and the connection was given up.',
    retry: 'now',
    next: 'Ask how much has arrived and go on from there.',
  });
}

/** The whole body. @throws PalisadeError `api/too-large`, `api/too-slow` */
export async function readSmallBody(
  request: IncomingMessage,
  most: number,
  withinMs = REQUEST_MS,
): Promise<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge(most);
  const timer = setTimeout(() => request.destroy(tooSlow()), withinMs);
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of pieces(request)) {
      length += part.length;
      if (length > most) throw tooLarge(most);
      parts.push(part);
    }
  } finally {
    clearTimeout(timer);
  }
  return new Uint8Array(Buffer.concat(parts, length));
}

/** The pieces of a body. Leaving early leaves the request whole: its answer takes the same socket. */
function pieces(request: IncomingMessage): AsyncIterableIterator<Uint8Array> {
  return request.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
}

export type BodyWatch = {
  /** Called with every piece that comes. */
  readonly onBytes: (bytes: number) => void;
  readonly windowMs?: number | undefined;
  readonly leastBytes?: number | undefined;
};

/**
 * The body in pieces, as fast as they are asked for. A sender that trickles is cut off; a reader
 * that is slow (a disk) is not the sender's fault, so only time spent waiting for bytes counts.
 * @throws PalisadeError `api/too-slow`, and what breaks the connection
 */
export async function* readLargeBody(
  request: IncomingMessage,
  { onBytes, windowMs = WINDOW_MS, leastBytes = LEAST_BYTES }: BodyWatch,
): AsyncGenerator<Uint8Array> {
  const iterator = pieces(request);
  let waitedMs = 0;
  let came = 0;
  try {
    for (;;) {
      const began = performance.now();
      const timer = setTimeout(() => request.destroy(tooSlow()), windowMs - waitedMs);
      const next = await iterator.next().finally(() => clearTimeout(timer));
      if (next.done) return;
      waitedMs += performance.now() - began;
      came += next.value.length;
      onBytes(next.value.length);
      if (came >= leastBytes) {
        came = 0;
        waitedMs = 0;
      }
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** What a refused client may still send: the SDK's pieces have 2 MiB. */
const MAX_DRAINED_BYTES = 8 * 1024 * 1024;
const DRAIN_MS = 5000;

/**
 * Throws away the rest of a body whose answer is known already: closing the socket under a sender
 * would lose it the answer. Beyond a bound the socket is closed all the same.
 */
export function drain(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let left = MAX_DRAINED_BYTES;
  const timer = setTimeout(() => request.destroy(), DRAIN_MS);
  request.on('close', () => clearTimeout(timer));
  request.on('error', () => {}); // it is being thrown away
  request.on('data', (part: Uint8Array) => {
    left -= part.length;
    if (left < 0) request.destroy();
  });
  request.on('end', () => clearTimeout(timer));
}
