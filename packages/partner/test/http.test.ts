/** Whatever comes over the wire: answered within bounds, and the partner stays well. */
import { connect as dial } from 'node:net';
import { toHex } from '@palisade/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningPartner } from '../src/index.ts';
import {
  type Cleanup,
  contentOf,
  errorCode,
  type Pool,
  PRICE,
  send,
  startPool,
  startTestPartner,
  until,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
let pool: Pool;
let partner: RunningPartner;
let job: Uint8Array;
beforeAll(async () => {
  pool = await startPool(cleanups);
  partner = await startTestPartner(pool, cleanups);
  const content = contentOf(5000);
  job = await pool.client.request(content);
  const voucher = await pool.client.voucher(job, partner.nodeKey, { rate: PRICE });
  await send('POST', `${partner.url}/v1/agreements`, voucher);
});
afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const isWell = async () => (await fetch(`${partner.url}/health`)).status === 200;

/** Who is not cut off by then never is, ms. */
const PATIENCE_MS = 180_000;
const HELD = 'the connection was still open';

/** Sends raw bytes on a connection of their own; answers with what came back before it ended, or `HELD`. */
function raw(
  bytes: string | Uint8Array,
  { linger = PATIENCE_MS, url = partner.url } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = dial(Number(port), hostname);
    let text = '';
    const timer = setTimeout(() => {
      if (linger === PATIENCE_MS) text = HELD;
      socket.destroy();
    }, linger);
    socket.on('data', (part) => {
      text += part.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
    socket.write(bytes);
  });
}

describe('the HTTP interface', () => {
  it('[API] answers operators, and says what it does not have', async () => {
    for (const path of ['/health', '/ready', '/status', '/metrics'])
      expect([path, (await fetch(`${partner.url}${path}`)).status]).toEqual([path, 200]);
    const nothing = await send('GET', `${partner.url}/v1/nothing`);
    expect([nothing.status, errorCode(nothing)]).toEqual([404, 'api/not-found']);
    const wrong = await send('DELETE', `${partner.url}/v1/agreements`);
    expect([wrong.status, errorCode(wrong)]).toEqual([405, 'api/method-not-allowed']);
    const upper = `${partner.url}/v1/content/0x${'AB'.repeat(32)}`;
    expect((await send('GET', upper)).status).toBe(404);
  });

  it('[API] lets browsers in', async () => {
    const url = `${partner.url}/v1/agreements/${toHex(job)}/content`;
    const preflight = await fetch(url, { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toBe('PUT');
    const answer = await fetch(`${partner.url}/v1/agreements/${toHex(job)}`);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('[API] refuses bodies that are too large, and stays on the line', async () => {
    const large = await send('POST', `${partner.url}/v1/agreements`, new Uint8Array(100_000));
    expect([large.status, errorCode(large)]).toEqual([413, 'api/too-large']);
    const chunked = await fetch(`${partner.url}/v1/receipts`, {
      method: 'POST',
      body: new ReadableStream({
        start(controller) {
          for (let i = 0; i < 10; i++) controller.enqueue(new Uint8Array(1000));
          controller.close();
        },
      }),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
  });

  it('[API] refuses offsets that are none', async () => {
    for (const offset of ['-1', '1e3', '0x10', '', ' 1', '99999999999999999999']) {
      const query = new URLSearchParams({ offset });
      const url = `${partner.url}/v1/agreements/${toHex(job)}/content?${query}`;
      const answer = await send('PUT', url, new Uint8Array(3));
      expect([offset, answer.status, errorCode(answer)]).toEqual([offset, 400, 'api/bad-offset']);
    }
    const far = await send(
      'PUT',
      `${partner.url}/v1/agreements/${toHex(job)}/content?offset=4999`,
      new Uint8Array(3),
    );
    expect(errorCode(far)).toBe('storage/wrong-offset');
  });

  it('[API] answers random requests with a refusal, never with a failure of its own', async () => {
    const id = fc.oneof(
      fc.constant(toHex(job)),
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex),
      fc.string(),
    );
    const path = fc.oneof(
      fc.constantFrom('/v1/agreements', '/v1/receipts', '/status', '//', '/v1/../etc', '/%00'),
      id.map((text) => `/v1/agreements/${encodeURIComponent(text)}`),
      id.map((text) => `/v1/agreements/${encodeURIComponent(text)}/content?offset=0`),
      id.map((text) => `/v1/agreements/${encodeURIComponent(text)}/outline`),
      id.map((text) => `/v1/content/${encodeURIComponent(text)}`),
      id.map((text) => `/v1/content/${encodeURIComponent(text)}/outline?x=%ff`),
    );
    const method = fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH');
    const headers = fc.record({
      range: fc.oneof(fc.constant('bytes=0-'), fc.constant('bytes=-9'), fc.constant('junk')),
      'if-range': fc.constantFrom('"x"', '*'),
    });
    await fc.assert(
      fc.asyncProperty(
        path,
        method,
        headers,
        fc.uint8Array({ maxLength: 6000 }),
        async (where, how, extra, body) => {
          const hasBody = how === 'POST' || how === 'PUT' || how === 'PATCH';
          const response = await fetch(`${partner.url}${where}`, {
            method: how,
            headers: extra,
            ...(hasBody ? { body: body as Uint8Array<ArrayBuffer> } : {}),
          });
          await response.arrayBuffer();
          expect(response.status).not.toBe(500);
        },
      ),
      { numRuns: 200 },
    );
    expect(await isWell()).toBe(true);
  });

  it('[API] survives bytes that are no HTTP, and heads beyond its bounds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), async (bytes) => {
        const line = Buffer.from(`${Buffer.from(bytes).toString('latin1')}\r\n\r\n`, 'latin1');
        const text = await raw(line, { linger: 100 });
        expect(text === '' || /^HTTP\/1\.1 [2345]\d\d /.test(text)).toBe(true);
      }),
      { numRuns: 30 },
    );
    const head = `GET /health HTTP/1.1\r\nHost: x\r\nX-Long: ${'y'.repeat(20_000)}\r\n\r\n`;
    expect(await raw(head)).toMatch(/^HTTP\/1\.1 431/);
    const both =
      'POST /v1/receipts HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    expect(await raw(both)).toMatch(/^HTTP\/1\.1 400/);
    expect(await isWell()).toBe(true);
  });

  it('[API] cuts off heads and small bodies that never end', async () => {
    const { url } = await startTestPartner(pool, cleanups, { number: 1, requestMs: 1000 });
    await until(async () => (await fetch(`${url}/ready`)).status === 200, { what: 'ready' });
    const slow = await Promise.all([
      raw('GET /health HTTP/1.1\r\nHost: x\r\n', { url }),
      raw('POST /v1/receipts HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123', { url }),
    ]);
    expect(slow).not.toContain(HELD);
    expect(slow[0]).toMatch(/^HTTP\/1\.1 408/);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});
