import { expect, it } from 'vitest';
import type { Pool } from '../services/pool.ts';
import { ChainService } from './chain-service.ts';

it('[X16] so many payments may wait, those for their turn counted, too: the next one is refused at once', async () => {
  const pool = { application: { query: () => new Promise(() => {}) } } as unknown as Pool;
  const service = new ChainService({ pool, payerSecret: new Uint8Array(32).fill(1) });
  for (let i = 0; i < 10_000; i++) void service.submit(new Uint8Array(1));
  expect(await service.submit(new Uint8Array(1))).toMatchObject({
    code: 'payments/too_busy',
    retry: 'later',
  });
});
