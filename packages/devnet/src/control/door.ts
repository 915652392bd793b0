/**
 * The door through which `palisade dev` reaches a running development network: HTTP on the loopback,
 * open to whoever can read the token in the network's folder. One request at a time changes anything;
 * the answer is a line of JSON per step, the last one a result or an error.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PalisadeError } from '@palisade/core';
import { atomicWrite, type DaemonContext } from '@palisade/daemon';
import { HOST } from '../parts.ts';

/** A line of an answer. */
export type DoorLine =
  | { readonly step: unknown }
  | { readonly result: unknown }
  | { readonly error: { readonly code: string; readonly message: string; readonly next?: string } };

/** Does what a request asks: tells its steps, and answers with its result. */
export type DoorAction = (asked: Asked) => Promise<unknown>;
export type Asked = {
  readonly params: URLSearchParams;
  readonly tell: (step: unknown) => void;
  /** Aborted when whoever asked has gone, or the network stops. */
  readonly signal: AbortSignal;
};

const TOKEN_BYTES = 32;
/** Requests are one line; nothing with a larger head is one. */
const MAX_HEAD = 4096;

/** Opens the door, and writes how to find it to `control.json`, for the owner's eyes only. */
export async function openDoor(
  context: DaemonContext,
  root: string,
  actions: Readonly<Record<string, DoorAction>>,
): Promise<void> {
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  const isToken = tokenCheck(token);
  let busy: string | undefined;
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://door');
    const name = pathname.slice(1);
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (!isToken(request.headers.authorization ?? '')) return end(response, 401, closed);
    if (!action || request.method !== 'POST') return end(response, 404, unknown(name));
    if (busy !== undefined) return end(response, 409, isBusy(busy));
    busy = name;
    try {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      await answer(response, (tell, gone) =>
        action({ params: searchParams, tell, signal: AbortSignal.any([context.signal, gone]) }),
      );
    } finally {
      busy = undefined;
    }
  };
  const server = createServer({ maxHeaderSize: MAX_HEAD }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      context.log.error('the door failed', { err: error });
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, resolve);
  });
  context.onStop('door', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const found = { url: `http://${HOST}:${port}`, token };
  await atomicWrite(join(root, 'control.json'), `${JSON.stringify(found)}\n`, { mode: 0o600 });
}

async function answer(
  response: ServerResponse,
  work: (tell: (step: unknown) => void, gone: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const write = (line: DoorLine) => response.write(`${JSON.stringify(line)}\n`);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    write({ result: (await work((step) => write({ step }), gone.signal)) ?? null });
  } catch (error) {
    write({ error: describe(error) });
  }
  response.end();
}

function describe(error: unknown) {
  if (!(error instanceof PalisadeError))
    return {
      code: 'devnet/failed',
      message: String(error),
      next: 'Its log says more: log/devnet.log',
    };
  const { code, message, next } = error;
  return { code, message, ...(next === undefined ? {} : { next }) };
}

/** Compares digests, so that the time taken tells nothing of the token. */
function tokenCheck(token: string): (header: string) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${token}`);
  return (header) => timingSafeEqual(digest(header), expected);
}

function end(response: ServerResponse, status: number, line: DoorLine): void {
  response.writeHead(status, { 'content-type': 'application/x-ndjson' });
  response.end(`${JSON.stringify(line)}\n`);
}

const closed: DoorLine = {
  error: { code: 'devnet/closed', message: 'The token of this network is needed.' },
};
const unknown = (name: string): DoorLine => ({
  error: { code: 'devnet/unknown', message: `The network cannot do '${name}'.` },
});
const isBusy = (name: string): DoorLine => ({
  error: {
    code: 'devnet/busy',
    message: `The network is busy with '${name}'.`,
    next: 'Wait until that is done.',
  },
});
