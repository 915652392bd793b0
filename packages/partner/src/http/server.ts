/**
 * The partner's HTTP server: Node's own, without a framework, because what matters here is that
 * bytes go from socket to disk and back without detours, and that every request has its bounds.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { PalisadeError } from '@palisade/core';
import { type Logger, stopServer } from '@palisade/daemon';
import type { PartnerMetrics } from '../metrics.ts';
import { drain, REQUEST_MS } from './body.ts';
import { refusalOfError, sendRefusal } from './reply.ts';
import { answer, type Routes } from './routes.ts';

/** Connections at once: uploads are bounded by the store, the rest are downloads and short calls. */
const MAX_CONNECTIONS = 1024;
/** Bytes of a request's head: ours take some 300; proxies add theirs. */
const MAX_HEAD_BYTES = 16 * 1024;
const MAX_HEADERS = 64;
/** Between two requests of one connection. */
const KEEP_ALIVE_MS = 15_000;
/** Silence on a socket in the middle of something; bodies have a tighter watch of their own. */
const IDLE_MS = 60_000;
/** How often Node looks for heads that are late, in the time that they have. */
const LOOKS = 5;
/** What runs when the server is told to stop may run on for this long. */
const DRAIN_MS = 5000;

export type RunningServer = {
  readonly host: string;
  readonly port: number;
  /** Takes no new connections, lets running requests end, then closes. */
  stop(): Promise<void>;
};

export type ServerOptions = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly routes: Routes;
  /** Takes over connections that ask for another protocol; without it, nobody may. */
  readonly onUpgrade?:
    | ((request: IncomingMessage, socket: Socket, head: Buffer) => void)
    | undefined;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
};

/** @throws PalisadeError `partner/cannot-listen` */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host, port, log, onUpgrade, routes } = options;
  const headMs = routes.requestMs ?? REQUEST_MS;
  const server = createServer(
    {
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: headMs,
      // Uploads may take hours; their bodies are watched piece by piece instead.
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: headMs / LOOKS,
    },
    (request, response) => void serve(options, request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = MAX_HEADERS;
  server.timeout = IDLE_MS;
  if (onUpgrade)
    server.on('upgrade', (request, socket, head) => onUpgrade(request, socket as Socket, head));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(host, port, cause)));
    server.listen(port, host, resolve);
  });
  server.on('error', (error) => log.error('the server had an error', { err: error }));
  return {
    host,
    port: (server.address() as AddressInfo).port,
    stop: () => stopServer(server, DRAIN_MS),
  };
}

async function serve(
  { routes, log, metrics }: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.on('error', () => {}); // the reader went away; the handler sees it by `destroyed`
  let route = 'unknown';
  try {
    route = await answer(routes, request, response);
  } catch (error) {
    const refusal = refusalOfError(error);
    if (refusal.code === 'api/failed' && !request.destroyed)
      log.error('a request failed', { method: request.method, path: request.url, err: error });
    if (response.headersSent) response.destroy();
    else sendRefusal(response, refusal);
  }
  // What was not read of a body would hold up the next request on the connection.
  drain(request);
  const status = `${Math.floor(response.statusCode / 100)}xx`;
  metrics.count('partner_requests_total', { route, status });
}

function cannotListen(host: string, port: number, cause: Error): PalisadeError {
  return new PalisadeError({
    code: 'partner/cannot-listen',
    message: `The partner cannot listen at ${host}:${port}: ${cause.message}.`,
    next: 'Choose another port, or stop the process that has it.',
    cause,
  });
}
