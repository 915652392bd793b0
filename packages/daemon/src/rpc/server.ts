/**
 * HTTP-RPC as wallets of child chains speak it: POST with a JSON object to `/name.of_method`, and always the same
 * envelope. Answers have status 200 also when they say no, and 500 only when the server is at fault.
 * Integers are exact in both directions.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ExactJson, exactJson, PalisadeError, parseExactJson } from '@palisade/core';
import type { OperatorPages } from '../health/operatorPages.ts';
import { stopServer } from '../lifecycle/stopServer.ts';
import type { Logger } from '../log/logger.ts';
import { badRequest, RpcFailure, type RpcMethod, RpcPage } from './method.ts';

export type RpcOptions = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** `service_name` and `version` of the envelope. */
  readonly service: string;
  readonly version: string;
  /** By name, as `status.get`. */
  readonly methods: Readonly<Record<string, RpcMethod>>;
  /** `/health /ready /status /metrics`. */
  readonly pages?: OperatorPages;
  /** Takes a GET that is neither a method nor a page, as a stream of events; false when it is not its own. */
  readonly onGet?: (request: IncomingMessage, response: ServerResponse, path: string) => boolean;
  readonly log: Logger;
};

export type RpcServer = { readonly url: string; readonly port: number; stop(): Promise<void> };

/** Connections at once: wallets behind one proxy share theirs. */
const MAX_CONNECTIONS = 512;
/** A request, its body included; 40 MB of a block take so long at 1 MB/s. */
const REQUEST_MS = 60_000;
const HEAD_MS = 10_000;
/** Bytes of all bodies that are being read at once: more would be memory for whoever asks for it. */
const MAX_READING_BYTES = 256 * 1024 * 1024;
const DRAIN_MS = 3_000;

/** @throws PalisadeError `rpc/cannot-listen` */
export async function serveRpc(options: RpcOptions): Promise<RpcServer> {
  const { host, port } = options;
  const budget = { left: MAX_READING_BYTES };
  const server = createServer(
    { headersTimeout: HEAD_MS, requestTimeout: REQUEST_MS },
    (request, response) => void serve(options, budget, request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(host, port, cause)));
    server.listen(port, host, resolve);
  });
  server.on('error', (err) => options.log.error('the server had an error', { err }));
  const bound = (server.address() as AddressInfo).port;
  const name = host.includes(':') ? `[${host}]` : host;
  return { url: `http://${name}:${bound}`, port: bound, stop: () => stopServer(server, DRAIN_MS) };
}

type Budget = { left: number };

async function serve(
  options: RpcOptions,
  budget: Budget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.on('error', () => {}); // the reader went away
  const [path = '/'] = (request.url ?? '/').split('?');
  try {
    if (request.method === 'OPTIONS') return preflight(response);
    if (request.method === 'GET' && (await servePage(options, path, request, response))) return;
    const method = Object.hasOwn(options.methods, path.slice(1))
      ? options.methods[path.slice(1)]
      : undefined;
    const result = await answer(method, budget, request);
    if (!response.destroyed) send(response, 200, envelope(options, result));
  } catch (err) {
    options.log.error('a request failed', { path, err });
    const failure = new RpcFailure('server:internal_server_error', 'Something went wrong here.');
    if (!response.headersSent) send(response, 500, envelope(options, failure));
  }
}

async function servePage(
  { pages, onGet }: RpcOptions,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const page = await pages?.(path);
  if (page) {
    const { status, contentType, body } = page;
    response.writeHead(status, { ...COMMON, 'content-type': contentType }).end(body);
    return true;
  }
  return onGet?.(request, response, path) ?? false;
}

async function answer(
  method: RpcMethod | undefined,
  budget: Budget,
  request: IncomingMessage,
): Promise<unknown> {
  if (!method) return new RpcFailure('operation:not_found', 'Operation cannot be found.');
  if (request.method === 'GET' && method.byGet) return method.call({});
  if (request.method !== 'POST')
    return new RpcFailure('operation:bad_request', 'Operations are asked for by POST.');
  const body = await readBody(request, method.maxBytes, budget);
  if (body instanceof RpcFailure) return body;
  return method.call(body);
}

/** The members of a JSON object; an empty body is an empty object. */
async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  budget: Budget,
): Promise<Readonly<Record<string, ExactJson>> | RpcFailure> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      length += part.length;
      budget.left -= part.length;
      if (length > maxBytes) return badRequest('body', `has more than ${maxBytes} bytes`);
      if (budget.left < 0)
        return new RpcFailure('operation:service_unavailable', 'Too many large requests at once.');
      parts.push(part);
    }
  } finally {
    budget.left += length;
  }
  const text = Buffer.concat(parts, length).toString('utf8').trim();
  if (text === '') return {};
  try {
    const value = parseExactJson(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, ExactJson>>;
    return badRequest('body', 'is no object');
  } catch (error) {
    if (error instanceof PalisadeError) return badRequest('body', error.message);
    throw error;
  }
}

function envelope({ service, version }: RpcOptions, result: unknown): unknown {
  const head = { version, service_name: service };
  if (result instanceof RpcFailure) {
    const { code, description, messages } = result;
    return { ...head, success: false, data: { object: 'error', code, description, messages } };
  }
  if (result instanceof RpcPage) {
    const { items, page, limit } = result;
    return { ...head, success: true, data: items, data_paging: { page, limit } };
  }
  return { ...head, success: true, data: result };
}

/** Wallets in browsers are clients too; nothing here asks for cookies. */
const COMMON = {
  'access-control-allow-origin': '*',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};
const PREFLIGHT_SECONDS = '86400';

function send(response: ServerResponse, status: number, value: unknown): void {
  const body = exactJson(value);
  response.writeHead(status, {
    ...COMMON,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function preflight(response: ServerResponse): void {
  const headers = {
    ...COMMON,
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers': 'content-type',
    'access-control-max-age': PREFLIGHT_SECONDS,
  };
  response.writeHead(204, headers).end();
}

function cannotListen(host: string, port: number, cause: Error): PalisadeError {
  return new PalisadeError({
    code: 'rpc/cannot-listen',
    message: `The server cannot listen at ${host}:${port}: ${cause.message}.`,
    next: 'Choose another port, or stop the process that has it.',
    cause,
  });
}
