import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Snapshot } from '@palisade/formats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SnapshotFolder } from './snapshot-folder.ts';

let dir: string;
let troubles: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'palisade-snapshots-'));
  troubles = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const open = () => SnapshotFolder.open(dir, (message) => troubles.push(message));
const described = (height: bigint, chunks = 2): Snapshot => ({
  ...{ height, format: 1, chunks },
  hash: new Uint8Array(32).fill(Number(height)),
  metadata: Uint8Array.of(1, 2, 3),
});
const piece = (height: bigint, index: number) => new Uint8Array(1000).fill(Number(height) + index);

async function make(folder: SnapshotFolder, height: bigint): Promise<void> {
  await folder.begin();
  for (const index of [0, 1]) await folder.appendChunk(piece(height, index));
  await folder.finish(described(height));
}
const heights = async (folder: SnapshotFolder) => (await folder.list()).map(({ height }) => height);

describe('snapshots in a folder', () => {
  it('[APP] the last two are there, whole, for the next process as well', async () => {
    const first = await open();
    for (const height of [9n, 10n, 100n]) await make(first, height);
    for (const folder of [first, await open()]) {
      expect(await folder.list()).toEqual([described(10n), described(100n)]);
      expect(await folder.load(10n, 1, 1)).toEqual(piece(10n, 1));
      expect(await folder.load(9n, 1, 0)).toBeUndefined();
      expect(await folder.load(10n, 2, 0)).toBeUndefined();
      expect(await folder.load(10n, 1, 2)).toBeUndefined();
    }
    expect((await readdir(dir)).sort()).toEqual(['10-1', '100-1']);
  });

  it('[APP] what a dead process was making is not listed, and is removed', async () => {
    const dying = await open();
    await make(dying, 5n);
    await dying.begin();
    await dying.appendChunk(piece(6n, 0));
    const next = await open();
    expect(await heights(next)).toEqual([5n]);
    expect(await readdir(dir)).toEqual(['5-1']);
    await make(next, 7n);
    expect(await heights(next)).toEqual([5n, 7n]);
    expect(troubles).toEqual([]);
  });

  it('the same snapshot made again takes the place of the first', async () => {
    const folder = await open();
    await make(folder, 5n);
    await make(folder, 5n);
    expect(await heights(folder)).toEqual([5n]);
    expect(await heights(await open())).toEqual([5n]);
  });

  it('one that lost a chunk, or is none of ours, is removed and told of', async () => {
    const folder = await open();
    await make(folder, 5n);
    await make(folder, 6n);
    await rm(join(dir, '5-1', '1.chunk'));
    await mkdir(join(dir, 'strange'));
    await writeFile(join(dir, 'strange', 'snapshot'), 'nonsense');
    expect(await heights(await open())).toEqual([6n]);
    expect(troubles).toHaveLength(2);
    expect(await readdir(dir)).toEqual(['6-1']);
  });

  it('one that is given up leaves nothing, and says why', async () => {
    const folder = await open();
    await folder.begin();
    await folder.appendChunk(piece(5n, 0));
    await folder.discard(new Error('no space'));
    expect(await readdir(dir)).toEqual([]);
    expect(troubles).toEqual(['The snapshot of this session is given up.']);
  });
});
