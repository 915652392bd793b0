import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { orderedSectors, orderSectors } from './order.ts';

const params = { layers: 4, sectorBytes: 1024, maxSectors: 20 };
let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'palisade-order-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

describe('ordering sectors by hand', () => {
  it('[P9] adds to what is there and to what was ordered before', async () => {
    expect(await orderedSectors(dataDir)).toBe(0);
    expect(await orderSectors({ dataDir, count: 2, has: 3, params })).toBe(5);
    expect(await orderSectors({ dataDir, count: 1, has: 4, params })).toBe(6);
    expect(await orderedSectors(dataDir)).toBe(6);
  });

  it('[P9] is refused, and nothing is ordered, where the disk or the chain has no room for them', async () => {
    const order = { dataDir, count: 2, has: 0, params };
    await expect(orderSectors({ ...order, free: 7 * 1024 - 1 })).rejects.toMatchObject({
      code: 'partner/too-little-disk',
      message: expect.stringContaining('needs 7168 bytes of disk; 7167 are free'),
      next: 'Free some space, or order fewer sectors.',
    });
    await expect(orderSectors({ ...order, has: 19 })).rejects.toMatchObject({
      code: 'partner/too-many-sectors',
      next: expect.stringContaining('Order 1 at most'),
    });
    expect(await orderedSectors(dataDir)).toBe(0);
    expect(await orderSectors({ ...order, free: 7 * 1024 })).toBe(2);
  });
});
