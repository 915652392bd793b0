import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics } from '../metrics/metrics.ts';
import { createHealth } from './health.ts';
import { createOperatorPages, serveOperatorPages } from './operatorPages.ts';

describe('health', () => {
  it('nothing registered is well', async () => {
    expect(await createHealth().report()).toEqual({ alive: true, ready: true, reasons: [] });
  });

  it('tells alive from ready, with the reason of each that is not', async () => {
    const health = createHealth();
    let behind = 7;
    health.check('ready', 'sync', () => (behind > 5 ? `${behind} blocks behind` : undefined));
    const remove = health.check('ready', 'engine', async () => {
      throw new Error('no socket');
    });
    expect(await health.report()).toEqual({
      alive: true,
      ready: false,
      reasons: [
        { check: 'sync', kind: 'ready', reason: '7 blocks behind' },
        { check: 'engine', kind: 'ready', reason: 'the check failed: no socket' },
      ],
    });
    remove();
    behind = 0;
    expect(await health.report()).toMatchObject({ ready: true });
    health.check('alive', 'disk', () => 'the disk is full');
    expect(await health.report()).toMatchObject({ alive: false, ready: false });
  });

  it('a check that hangs is a reason, and does not hold up the report', async () => {
    const health = createHealth({ checkMs: 10 });
    health.check('alive', 'store', () => new Promise(() => {}));
    const { reasons } = await health.report();
    expect(reasons).toEqual([{ check: 'store', kind: 'alive', reason: 'no answer within 10 ms' }]);
  });

  it('names are unique and few', () => {
    const health = createHealth();
    health.check('alive', 'a', () => undefined);
    expect(() => health.check('ready', 'a', () => undefined)).toThrow("'a' already");
    for (let i = 1; i < 64; i++) health.check('alive', `${i}`, () => undefined);
    expect(() => health.check('alive', 'more', () => undefined)).toThrow('64');
  });
});

describe('operator pages', () => {
  const health = createHealth();
  const table = { height: { kind: 'gauge', help: 'Height.' } } as const;
  const pages = createOperatorPages({
    name: 'validator',
    version: '1.2.3',
    health,
    metrics: createMetrics(table, { process: false }),
    status: () => ({ height: 12n }),
  });
  let stop: (() => Promise<void>) | undefined;
  afterEach(() => stop?.());

  it('answer over HTTP with the status that probes understand', async () => {
    const server = await serveOperatorPages(pages, { host: '127.0.0.1', port: 0 });
    stop = server.stop;
    const get = async (path: string, init?: RequestInit) => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
      return [response.status, await response.text()] as const;
    };
    expect((await get('/health'))[0]).toBe(200);
    expect((await get('/ready?verbose'))[0]).toBe(200);
    const remove = health.check('ready', 'sync', () => 'far behind');
    expect((await get('/health'))[0]).toBe(200);
    const [status, body] = await get('/ready');
    expect(status).toBe(503);
    expect(JSON.parse(body).reasons[0].reason).toBe('far behind');
    remove();
    health.check('alive', 'disk', () => 'full');
    expect((await get('/health'))[0]).toBe(503);
    const [, told] = await get('/status');
    expect(JSON.parse(told)).toMatchObject({
      name: 'validator',
      version: '1.2.3',
      alive: false,
      height: '12',
    });
    expect((await get('/metrics'))[1]).toContain('palisade_height 0');
    expect((await get('/secret'))[0]).toBe(404);
    expect((await get('/health', { method: 'POST' }))[0]).toBe(405);
  });

  it('a port in use is told with what to do', async () => {
    const server = await serveOperatorPages(pages, { host: '127.0.0.1', port: 0 });
    stop = server.stop;
    const second = serveOperatorPages(pages, { host: '127.0.0.1', port: server.port });
    await expect(second).rejects.toMatchObject({ code: 'health/cannot-listen' });
  });
});
