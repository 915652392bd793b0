import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DroppedTransactions } from './dropped.ts';

const idOf = (i: number) => new Uint8Array(32).fill(i);
const because = (height: bigint) => ({ height, code: 'market/job-over', message: 'It is over.' });
let folder: string;
let dropped: DroppedTransactions;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'palisade-dropped-'));
  dropped = new DroppedTransactions(folder, 3);
});

afterEach(async () => {
  await dropped.close();
  await rm(folder, { recursive: true, force: true });
});

describe('[ENG] what became of an acknowledged transaction', () => {
  it('is still known after a restart', async () => {
    await dropped.add([{ id: idOf(1), ...because(7n) }]);
    await dropped.close();
    dropped = new DroppedTransactions(folder, 3);
    expect(dropped.find(idOf(1))).toEqual(because(7n));
    expect(dropped.find(idOf(2))).toBeUndefined();
  });

  it('is forgotten when as many later ones are kept as may be', async () => {
    for (let i = 1; i <= 4; i++) await dropped.add([{ id: idOf(i), ...because(BigInt(i)) }]);
    expect([1, 2, 3, 4].map((i) => dropped.find(idOf(i))?.height)).toEqual([undefined, 2n, 3n, 4n]);
  });

  it('is told anew when it is dropped again, and is the newest then', async () => {
    for (const i of [1, 2, 3]) await dropped.add([{ id: idOf(i), ...because(BigInt(i)) }]);
    await dropped.add([
      { id: idOf(1), ...because(9n) },
      { id: idOf(4), ...because(9n) },
    ]);
    expect([1, 2, 3, 4].map((i) => dropped.find(idOf(i))?.height)).toEqual([9n, undefined, 3n, 9n]);
  });
});
