/** A validator's HTTP server: one per key, on a port of its own. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import { isRefusal, PalisadeError, type Refusal, refuse, toHex } from '@palisade/core';
import type { Logger, OperatorPages } from '@palisade/daemon';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Acknowledged } from '../services/acknowledged.ts';
import type { Pool } from '../services/pool.ts';
import type { ValidatorService } from '../services/validator-service.ts';
import { chainRoutes } from './chain-routes.ts';
import { errorResponse, INTERNAL, refusalResponse } from './errors.ts';
import { FAUCET_GIFT, type Faucet } from './faucet.ts';
import { jobFileRoutes } from './job-file-routes.ts';
import { marketRoutes } from './market-routes.ts';
import { openApi } from './openapi.ts';
import { partnerRoutes } from './partner-routes.ts';
import { payoutFileRoutes } from './payout-file-routes.ts';
import { totalsOf } from './totals.ts';

/** Bytes of a request body: twice the largest envelope. */
const MAX_BODY = 256 * 1024;
/** Bytes of a request's head: the longest is a signed subscription as hex, below 1 KiB. */
const MAX_HEAD = 16 * 1024;
/** Fields of a request's head: browsers send about twenty. */
const MAX_FIELDS = 100;
/** Connections to one validator: streams of 10 000 partners, when the others are down, and thousands of clients. */
const MAX_CONNECTIONS = 16_384;
/** A request must be complete within this time, ms: slower ones only hold a connection. */
const REQUEST_MS = 10_000;
/** How often slow requests are looked for, ms: how much longer than allowed one can last. */
const CHECK_MS = 1_000;
/** A connection without a request is kept this long, ms: clients ask again within a few seconds. */
const IDLE_MS = 15_000;
/** Time for which a browser may remember that it may call this API from other pages, s. */
const PREFLIGHT_S = 3600;

export type ApiOptions = {
  readonly pool: Pool;
  readonly service: ValidatorService;
  readonly pages: OperatorPages;
  readonly faucet: Faucet | undefined;
  /** Shared by the validators of one process, which share a mempool. */
  readonly acknowledged: Acknowledged;
  readonly log: Logger;
};

function tooLarge(c: Context): Response {
  // The rest of the body is not waited for, so nothing can follow on this connection.
  c.header('connection', 'close');
  return refusalResponse(c, {
    code: 'api/too-large',
    message: `A body may have ${MAX_BODY} bytes.`,
    retry: 'never',
  });
}

const limitUnknown = bodyLimit({ maxSize: MAX_BODY, onError: tooLarge });

/** A length that is told is looked at alone; bodies without one are counted as they come. */
const limitBody: MiddlewareHandler = (c, next) => {
  const told = c.req.header('content-length');
  if (told === undefined || c.req.header('transfer-encoding') !== undefined)
    return limitUnknown(c, next);
  return Number(told) > MAX_BODY ? Promise.resolve(tooLarge(c)) : next();
};

export function createApi({ pool, service, pages, faucet, acknowledged, log }: ApiOptions): Hono {
  const app = new Hono();
  app.onError((error, c) => {
    // A request that is not what it should be is its sender's affair; all else is a bug of ours.
    if (error instanceof PalisadeError)
      log.debug('a request was refused', { path: c.req.path, err: error });
    else log.error('a request failed', { path: c.req.path, err: error });
    return errorResponse(c, error);
  });
  app.use(limitBody);
  app.use(async (c, next) => {
    await next();
    c.header('access-control-allow-origin', '*');
  });
  // Browsers ask before they post anything but forms.
  app.options('*', (c) =>
    c.body(null, 204, {
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'content-type, last-event-id',
      'access-control-max-age': `${PREFLIGHT_S}`,
    }),
  );
  for (const path of ['/health', '/ready', '/status', '/metrics'])
    app.get(path, async (c) => {
      const page = (await pages(path))!;
      return c.body(page.body, page.status as 200, { 'content-type': page.contentType });
    });
  app.get('/openapi.json', (c) => c.json(openApi(pool.application.modules)));
  const report = (error: unknown) => log.error('a stream failed', { err: error });
  const context = { pool, service, acknowledged, report };
  chainRoutes(app, context);
  marketRoutes(app, context);
  partnerRoutes(app, context);
  jobFileRoutes(app, context);
  payoutFileRoutes(app, context);
  if (faucet)
    app.post('/v1/faucet', async (c) => {
      const json: unknown = await c.req.json().catch(() => ({}));
      const address = (json as { address?: unknown } | null)?.address;
      const given = await faucet(typeof address === 'string' ? address : '');
      if (isRefusal(given)) return refusalResponse(c, given);
      return c.json({ id: toHex(given.id), amount: FAUCET_GIFT.toString() }, 202);
    });
  if (faucet)
    app.get('/v1/dev/totals', (c) =>
      c.json({
        totals: totalsOf(pool.application.committed).map((line) =>
          Object.fromEntries(Object.entries(line).map(([key, value]) => [key, `${value}`])),
        ),
      }),
    );
  app.notFound((c) =>
    refusalResponse(c, {
      code: 'api/not-found',
      message: `There is nothing at ${c.req.method} ${c.req.path}.`,
      next: 'GET /openapi.json lists what there is.',
      retry: 'never',
    }),
  );
  return app;
}

export type RunningApi = { readonly url: string; stop(): Promise<void> };

/** What is wrong with bytes that never became a request. */
function protocolRefusal(code: string | undefined): [status: string, refusal: Refusal] {
  if (code === 'HPE_HEADER_OVERFLOW')
    return [
      '431 Request Header Fields Too Large',
      refuse('api/head-too-large', `The head of a request may have ${MAX_HEAD} bytes.`),
    ];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return [
      '408 Request Timeout',
      refuse('api/too-slow', `A request must be complete within ${REQUEST_MS / 1000} s.`, {
        retry: 'later',
      }),
    ];
  return ['400 Bad Request', BAD_REQUEST];
}

const BAD_REQUEST = refuse(
  'api/bad-request',
  'This is not an HTTP/1.1 request that can be answered.',
);
const BAD_EXPECTATION = refuse('api/bad-expectation', 'Nothing but 100-continue can be expected.');

/** Answers for a request whose address or host cannot be understood, before any route sees it. */
function answerFailure(error: unknown): Response {
  const bad = error instanceof RequestError;
  return new Response(JSON.stringify({ error: bad ? BAD_REQUEST : INTERNAL }), {
    status: bad ? 400 : 500,
    headers: { 'content-type': 'application/json' },
  });
}

function refuseExpectation(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(417, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify({ error: BAD_EXPECTATION }));
}

/** Answers on the bare socket, because there is no request that could be answered, and hangs up. */
function refuseOnSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, refusal] = protocolRefusal(error.code);
  const body = JSON.stringify({ error: refusal });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    // Whoever goes on sending is not listened to.
    () => socket.destroy(),
  );
}

export async function listen(app: Hono, host: string, port: number): Promise<RunningApi> {
  const listener = getRequestListener(app.fetch, { errorHandler: answerFailure });
  const server = createServer(
    {
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      connectionsCheckingInterval: CHECK_MS,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEAD,
      // A request without a host is refused like any other bad one, with a reason.
      requireHostHeader: false,
    },
    listener,
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = MAX_FIELDS;
  server.on('clientError', refuseOnSocket);
  server.on('checkExpectation', refuseExpectation);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${taken}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
