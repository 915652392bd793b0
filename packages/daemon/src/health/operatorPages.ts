/** `/health /ready /status /metrics`: what operators and their tools ask every daemon. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PalisadeError } from '@palisade/core';
import type { MetricsPage } from '../metrics/metrics.ts';
import type { Health } from './health.ts';

export type Page = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
};

export type OperatorPages = (path: string) => Promise<Page | undefined>;

/**
 * Answers by path, for whatever web server a daemon has; undefined for paths of others.
 *
 * - `/health`: 200 while alive, else 503: restart me.
 * - `/ready`: 200 or 503 with the reasons.
 * - `/status`: always 200: the report, uptime, and what `status` adds (bigints become strings).
 * - `/metrics`: the text format of Prometheus.
 */
export function createOperatorPages({
  name,
  version,
  health,
  metrics,
  status = () => ({}),
}: {
  name: string;
  version: string;
  health: Health;
  metrics: MetricsPage;
  status?: () => Record<string, unknown> | Promise<Record<string, unknown>>;
}): OperatorPages {
  return async (path) => {
    if (path === '/metrics') {
      return { status: 200, contentType: metrics.contentType, body: await metrics.text() };
    }
    if (path !== '/health' && path !== '/ready' && path !== '/status') return undefined;
    const report = await health.report();
    if (path === '/health') {
      const reasons = report.reasons.filter(({ kind }) => kind === 'alive');
      return json(report.alive ? 200 : 503, { alive: report.alive, reasons });
    }
    if (path === '/ready') {
      return json(report.ready ? 200 : 503, { ready: report.ready, reasons: report.reasons });
    }
    const uptimeSeconds = Math.floor(process.uptime());
    return json(200, { name, version, uptimeSeconds, ...report, ...(await status()) });
  };
}

function json(status: number, value: unknown): Page {
  const body = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v));
  return { status, contentType: 'application/json', body };
}

/** Probes keep few connections; more than this is somebody else, and would cost file handles. */
const MAX_CONNECTIONS = 64;
/** A request for a page has no body and a short head; slower ones only hold a connection. */
const REQUEST_MS = 5000;

/**
 * Serves the pages for a daemon without a web server of its own. Port 0 takes a free one.
 * Bind it to the loopback or to an inner network: the pages tell much, and ask for no password.
 *
 * @throws PalisadeError `health/cannot-listen`.
 */
export async function serveOperatorPages(
  pages: OperatorPages,
  { host, port }: { host: string; port: number },
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    async (request, response) => {
      const allowed = request.method === 'GET' || request.method === 'HEAD';
      const [path] = (request.url ?? '/').split('?');
      const page = allowed
        ? await pages(path!).catch((error: Error) => json(500, { error: error.message }))
        : json(405, { error: 'GET only' });
      const { status, contentType, body } = page ?? json(404, { error: 'no such page' });
      response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : body);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(host, port, cause)));
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function cannotListen(host: string, port: number, cause: Error): PalisadeError {
  return new PalisadeError({
    code: 'health/cannot-listen',
    message: `The operator pages cannot be served at ${host}:${port}: ${cause.message}.`,
    next: 'Choose another port, or stop the process that has it.',
    cause,
  });
}
