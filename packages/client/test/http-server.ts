/** Small HTTP servers with faults to order. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault = 'hang' | 'reset' | { readonly status: number; readonly body: string };
export type Handler = (
  request: IncomingMessage & { readonly path: string; readonly query: URLSearchParams },
  response: ServerResponse,
  body: Buffer,
) => Promise<void> | void;

export type TestServer = {
  readonly url: string;
  /** Asked before every request: what goes wrong with it. */
  fault: (path: string, method: string) => Fault | undefined;
  /** As `fault`, but the request is handled first: only its answer is lost. */
  faultAfter: (path: string, method: string) => 'reset' | undefined;
  /** Breaks all connections that are open now. */
  breakStreams(): void;
  /** `METHOD path`, in order. */
  readonly seen: string[];
  close(): Promise<void>;
};

export async function serve(handler: Handler): Promise<TestServer> {
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://test');
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part as Buffer);
    } catch {
      return; // the client broke off
    }
    self.seen.push(`${request.method} ${pathname}`);
    const fault = self.fault(pathname, request.method!);
    if (fault === 'hang') return;
    if (fault === 'reset') return request.socket.destroy();
    if (fault) return response.writeHead(fault.status).end(fault.body);
    Object.assign(request, { path: pathname, query: searchParams });
    const lost = self.faultAfter(pathname, request.method!);
    if (lost)
      Object.assign(response, { writeHead: () => ({ end: () => request.socket.destroy() }) });
    await handler(request as never, response, Buffer.concat(parts));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: TestServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: () => undefined,
    faultAfter: () => undefined,
    breakStreams: () => server.closeAllConnections(),
    seen: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return self;
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

export function refuseWith(
  response: ServerResponse,
  status: number,
  error: { code: string; message: string; retry: string; data?: unknown },
): void {
  json(response, { error }, status);
}
