import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '@palisade/core';
import type { CommittedBlock } from '@palisade/engine';
import { paymentAccepted } from '@palisade/payments';
import { expect, it } from 'vitest';
import { EventIndex } from '../events/event-index.ts';
import type { Pool } from '../services/pool.ts';
import { ChainService, findPayment } from './chain-service.ts';

it('[X16] so many payments may wait, those for their turn counted, too: the next one is refused at once', async () => {
  const pool = { application: { query: () => new Promise(() => {}) } } as unknown as Pool;
  const service = new ChainService({ pool, payerSecret: new Uint8Array(32).fill(1) });
  for (let i = 0; i < 10_000; i++) void service.submit(new Uint8Array(1));
  expect(await service.submit(new Uint8Array(1))).toMatchObject({
    code: 'payments/too_busy',
    retry: 'later',
  });
});

it('[X12] a payment is found by its hash, without a walk over everything that ever happened', async () => {
  const path = await mkdtemp(join(tmpdir(), 'palisade-payments-'));
  const modules = [{ name: 'payments', events: [paymentAccepted] }];
  const index = new EventIndex(path, modules as never, new Map() as never, {} as never);
  const hashOf = (i: number) => new Uint8Array(32).fill(i);
  try {
    for (let i = 1; i <= 5; i++) {
      const fields = { blknum: `${1000 * i}`, txindex: `${i}`, hash: toHex(hashOf(i)) };
      const attributes = Object.entries(fields).map(([key, value]) => ({ key, value }));
      const accepted = { type: paymentAccepted.name, attributes };
      const header = { height: BigInt(i), timeNs: 0n };
      const results = { events: [], txResults: [{ events: [accepted] }] };
      await index.add({ block: { header, txs: [] }, results } as unknown as CommittedBlock);
    }
    index.from = () => {
      throw new Error('everything was asked for');
    };
    const find = findPayment({ index });
    expect(find(hashOf(3), 5000)).toEqual({ blknum: 3000, txindex: 3 });
    // In a child block that the root chain did not have yet it is not there yet.
    expect(find(hashOf(3), 2000)).toBeUndefined();
    expect(find(hashOf(9), 5000)).toBeUndefined();
  } finally {
    await index.close();
    await rm(path, { recursive: true, force: true });
  }
});
