import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';

import { silentLogger } from '../log/logger.ts';
import { RpcFailure, RpcPage, rpcMethod } from './method.ts';
import { type RpcServer, serveRpc } from './server.ts';

let server: RpcServer;
beforeAll(async () => {
  server = await serveRpc({
    ...{ host: '127.0.0.1', port: 0, service: 'watcher', version: '1.0.5+test' },
    log: silentLogger,
    methods: {
      'echo.twice': rpcMethod(z.object({ amount: z.bigint() }), ({ amount }) => ({
        amount: amount * 2n,
      })),
      'say.no': rpcMethod(z.object({}), () => new RpcFailure('exit:invalid', 'It is gone.')),
      'list.all': rpcMethod(z.object({}), () => new RpcPage([1, 2], 1, 200)),
      'alarm.get': rpcMethod(z.object({}), () => [], { byGet: true }),
      'fall.over': rpcMethod(z.object({}), () => {
        throw new Error('a secret detail');
      }),
    },
    pages: async (path) =>
      path === '/health' ? { status: 200, contentType: 'text/plain', body: 'well' } : undefined,
  });
});
afterAll(() => server.stop());

async function ask(path: string, body?: string, method = 'POST') {
  const response = await fetch(server.url + path, {
    method,
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, text: await response.text() };
}

describe('HTTP-RPC', () => {
  it('[X16] wraps answers in the envelope, with exact integers in and out, and ignores jsonrpc and id', async () => {
    const body = '{"jsonrpc":"2.0","id":0,"amount":90071992547409931}';
    const { status, text } = await ask('/echo.twice', body);
    expect(status).toBe(200);
    expect(text).toBe(
      '{"version":"1.0.5+test","service_name":"watcher","success":true,"data":{"amount":180143985094819862}}',
    );
  });

  it('[X16] says no with status 200, an error object, and which parameter is wrong', async () => {
    const missing = await ask('/echo.twice?amount=5', '{}');
    expect(missing.status).toBe(200);
    expect(JSON.parse(missing.text)).toMatchObject({
      success: false,
      data: {
        object: 'error',
        code: 'operation:bad_request',
        messages: { validation_error: { parameter: 'amount' } },
      },
    });
    expect(JSON.parse((await ask('/say.no')).text).data).toEqual({
      ...{ object: 'error', code: 'exit:invalid', description: 'It is gone.' },
    });
    expect(JSON.parse((await ask('/no.such', '{}')).text).data.code).toBe('operation:not_found');
    expect(JSON.parse((await ask('/constructor', '{}')).text).data.code).toBe(
      'operation:not_found',
    );
  });

  it('[X16] pages lists, answers GET where it may, and serves the pages of operators', async () => {
    expect(JSON.parse((await ask('/list.all', '{}')).text)).toMatchObject({
      ...{ data: [1, 2], data_paging: { page: 1, limit: 200 } },
    });
    expect(JSON.parse((await ask('/alarm.get', undefined, 'GET')).text).data).toEqual([]);
    expect(JSON.parse((await ask('/say.no', undefined, 'GET')).text).success).toBe(false);
    expect((await ask('/health', undefined, 'GET')).text).toBe('well');
  });

  it('is not moved by bodies that are no JSON, no object, or too large, and tells no secrets', async () => {
    for (const body of ['{', '[1]', '"x"', '{"amount":1.5}', `{"amount":${'9'.repeat(70_000)}}`])
      expect(JSON.parse((await ask('/echo.twice', body)).text).data.code).toBe(
        'operation:bad_request',
      );
    const fallen = await ask('/fall.over', '{}');
    expect(fallen.status).toBe(500);
    expect(fallen.text).not.toContain('secret');
    expect((await ask('/echo.twice', '{"amount":1}')).status).toBe(200);
  });
});
