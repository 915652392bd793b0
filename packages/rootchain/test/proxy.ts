/**
 * A root-chain node that cannot be trusted: stands before a real one, and dies, hangs, limits, babbles or
 * lies as it is told.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a request goes wrong before anything is asked. */
export type Fault =
  | 'dies'
  | 'hangs'
  | 'html'
  | 'half'
  | 'other-id'
  | 'status-429'
  | 'limit-error'
  | 'internal-error'
  | 'status-503'
  | 'endless'
  | 'wrong-shape';

/** Answers something else than the node did, or the same. */
export type Lie = (method: string, params: readonly unknown[], result: unknown) => unknown;

export type Liar = {
  readonly url: string;
  /** Requests by method, faults included. */
  readonly asked: Map<string, number>;
  /** The next requests fail like this, in turn. */
  fail(...faults: readonly Fault[]): void;
  /** Each different question fails like this so many times, before it is answered. */
  failEach(fault: Fault, times: number): void;
  lie(lie: Lie | undefined): void;
  stop(): Promise<void>;
};

type Request = { id: number; method: string; params: unknown[] };

const FAULTS: Readonly<Record<Fault, (response: ServerResponse, request: Request) => void>> = {
  dies: (response) => response.destroy(),
  hangs: () => {},
  html: (response) => response.end('<html><body>Basic auth failure</body></html>'),
  half: (response, { id }) => response.end(`{"jsonrpc":"2.0","id":${id},"result":{"num`),
  'other-id': (response, { id }) =>
    response.end(JSON.stringify({ jsonrpc: '2.0', id: id + 1, result: '0x1' })),
  'status-429': (response) => response.writeHead(429, { 'retry-after': '1' }).end('slow down'),
  'limit-error': (response, { id }) =>
    response.end(
      JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32005, message: 'rate limited' } }),
    ),
  'internal-error': (response, { id }) =>
    response.end(
      JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32603, message: 'internal' } }),
    ),
  'status-503': (response) => response.writeHead(503).end('bad gateway'),
  endless: (response) => {
    response.write('{"jsonrpc":"2.0","result":"0x');
    response.on('error', () => {});
    const pour = () => {
      while (!response.destroyed) if (!response.write('0'.repeat(65_536))) break;
      if (!response.destroyed) response.once('drain', pour);
    };
    pour();
  },
  'wrong-shape': (response, { id }) =>
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { number: 7, hash: null } })),
};

export async function startProxy(target: string): Promise<Liar> {
  const faults: Fault[] = [];
  const asked = new Map<string, number>();
  const failed = new Map<string, number>();
  let each: { fault: Fault; times: number } | undefined;
  let lie: Lie | undefined;
  function faultFor({ method, params }: Request): Fault | undefined {
    if (each === undefined) return faults.shift();
    const question = JSON.stringify([method, params]);
    const times = failed.get(question) ?? 0;
    failed.set(question, times + 1);
    return times < each.times ? each.fault : undefined;
  }
  const server = createServer(async (incoming, response) => {
    let text = '';
    for await (const chunk of incoming) text += chunk;
    const request = JSON.parse(text) as Request;
    asked.set(request.method, (asked.get(request.method) ?? 0) + 1);
    const fault = faultFor(request);
    if (fault) return FAULTS[fault](response, request);
    const answer = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
    });
    const { id, ...body } = (await answer.json()) as { id: number; result?: unknown };
    const told = lie ? lie(request.method, request.params, body.result) : body.result;
    response.end(
      JSON.stringify(told === undefined ? { id, ...body } : { jsonrpc: '2.0', id, result: told }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    fail: (...more) => void faults.push(...more),
    failEach: (fault, times) => {
      each = { fault, times };
    },
    lie: (next) => {
      lie = next;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
