/** A validator's HTTP server: one per key, on a port of its own. */

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { isRefusal, toHex } from '@palisade/core';
import type { Logger, OperatorPages } from '@palisade/daemon';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Pool } from '../services/pool.ts';
import type { ValidatorService } from '../services/validator-service.ts';
import { chainRoutes } from './chain-routes.ts';
import { errorResponse, refusalResponse } from './errors.ts';
import { FAUCET_GIFT, type Faucet } from './faucet.ts';
import { marketRoutes } from './market-routes.ts';
import { openApi } from './openapi.ts';
import { totalsOf } from './totals.ts';

/** Bytes of a request body: twice the largest envelope. */
const MAX_BODY = 256 * 1024;
/** Connections to one validator: streams of its partners and clients, with room. */
const MAX_CONNECTIONS = 8192;
/** A request must be complete within this time, ms: slower ones only hold a connection. */
const REQUEST_MS = 10_000;

export type ApiOptions = {
  readonly pool: Pool;
  readonly service: ValidatorService;
  readonly pages: OperatorPages;
  readonly faucet: Faucet | undefined;
  readonly log: Logger;
};

export function createApi({ pool, service, pages, faucet, log }: ApiOptions): Hono {
  const app = new Hono();
  app.onError((error, c) => {
    log.debug('a request failed', { path: c.req.path, err: error });
    return errorResponse(c, error);
  });
  app.use(
    bodyLimit({
      maxSize: MAX_BODY,
      onError: (c) =>
        refusalResponse(c, {
          code: 'api/too-large',
          message: `A body may have ${MAX_BODY} bytes.`,
          retry: 'never',
        }),
    }),
  );
  app.use(async (c, next) => {
    await next();
    c.header('access-control-allow-origin', '*');
  });
  for (const path of ['/health', '/ready', '/status', '/metrics'])
    app.get(path, async (c) => {
      const page = (await pages(path))!;
      return c.body(page.body, page.status as 200, { 'content-type': page.contentType });
    });
  app.get('/openapi.json', (c) => c.json(openApi(pool.application.modules)));
  chainRoutes(app, pool);
  marketRoutes(app, pool, service);
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

export async function listen(app: Hono, host: string, port: number): Promise<RunningApi> {
  const server = await new Promise<Server>((resolve, reject) => {
    const created = serve(
      {
        fetch: app.fetch,
        hostname: host,
        port,
        serverOptions: { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
      },
      () => resolve(created as Server),
    ) as Server;
    created.once('error', reject);
  });
  server.maxConnections = MAX_CONNECTIONS;
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
