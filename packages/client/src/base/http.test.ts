import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { json, serve, type TestServer } from '../../test/http-server.ts';
import { environment, requestBytes, requestJson, shapes } from './index.ts';

const refusedWith = (code: string) => expect.objectContaining({ code });

describe('one HTTP request', () => {
  let server: TestServer;
  let answer: (send: (status: number, body: string | Buffer) => void) => void;
  beforeEach(async () => {
    server = await serve((_, response) =>
      answer((status, body) => response.writeHead(status).end(body)),
    );
  });
  afterEach(() => server.close());

  const number = shapes.object({ n: shapes.count });
  const ask = (more: { maxBytes?: number; timeoutMs?: number } = {}) =>
    requestJson(environment(), { url: server.url, timeoutMs: 30_000, ...more }, number);

  it('reads numbers in both forms and passes over fields that it does not know', async () => {
    answer = (reply) => reply(200, '{"n": "12", "new": {}}');
    expect(await ask()).toEqual({ n: 12 });
    answer = (reply) => reply(200, '{"n": 12}');
    expect(await ask()).toEqual({ n: 12 });
  });

  it.each(['', 'null', '[]', '{"n": -1}', '{"n": 1.5}', '{"n": "0x10"}', '<html>', '{"n": "1e3"}'])(
    'refuses the answer %s',
    async (body) => {
      answer = (reply) => reply(200, body);
      await expect(ask()).rejects.toEqual(refusedWith('client/bad-answer'));
    },
  );

  it('never reads more than it allows', async () => {
    answer = (reply) => reply(200, Buffer.alloc(100_000, 0x20));
    await expect(ask({ maxBytes: 50_000 })).rejects.toEqual(refusedWith('client/answer-too-large'));
  });

  it('does not follow redirects', async () => {
    server.fault = () => undefined;
    const target = await serve((_, response) => json(response, { n: 1 }));
    const redirecting = await serve((_, response) => {
      response.writeHead(302, { location: target.url }).end();
    });
    const asked = requestBytes(environment(), { url: redirecting.url, timeoutMs: 30_000 });
    await expect(asked).rejects.toEqual(refusedWith('client/connection'));
    expect(target.seen).toEqual([]);
    await Promise.all([target.close(), redirecting.close()]);
  });

  it('gives up after its time, also when the body stops in the middle', async () => {
    server.fault = () => 'hang';
    await expect(ask({ timeoutMs: 50 })).rejects.toEqual(refusedWith('client/timeout'));
    const half = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"n":');
    });
    const request = { url: half.url, timeoutMs: 50 };
    await expect(requestJson(environment(), request, number)).rejects.toEqual(
      refusedWith('client/timeout'),
    );
    await half.close();
  });

  it('cleans the words of a refusal: they are printed on a terminal', async () => {
    const message = '\u001b[2Jgone\u0007';
    const error = { code: 'market/no', message, retry: 'later', data: { deep: { a: 1 }, n: 3 } };
    answer = (reply) => reply(400, JSON.stringify({ error }));
    await expect(ask()).rejects.toMatchObject({
      code: 'market/no',
      message: ' [2Jgone ',
      retry: 'later',
      data: { n: 3, status: 400 },
    });
  });

  it.each(['{"error": {"code": "Bad Code!", "message": "x"}}', '{"error": 5}', 'oops'])(
    'an error page %s is no refusal, and may be tried elsewhere',
    async (body) => {
      answer = (reply) => reply(502, body);
      await expect(ask()).rejects.toMatchObject({ code: 'client/bad-answer', retry: 'now' });
    },
  );

  it.each([
    [undefined, 'nothing says why'],
    [null, 'nothing says why'],
    [Object.create(null), 'nothing says why'],
    ['gone', 'gone'],
    [new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } }), 'ECONNRESET'],
    [new Error('it broke'), 'it broke'],
  ])('whatever a runtime throws is a failed connection: %#', async (thrown, why) => {
    const env = environment({ fetch: () => Promise.reject(thrown) });
    await expect(requestBytes(env, { url: 'http://v' })).rejects.toMatchObject({
      code: 'client/connection',
      message: `The connection to http://v failed: ${why}.`,
    });
  });
});
