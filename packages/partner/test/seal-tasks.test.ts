import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHex } from '@palisade/core';
import { faultOfSealProof, faultOfWindowProof } from '@palisade/power';
import { afterEach, describe, expect, it } from 'vitest';
import { Sealer } from '../src/miner/sealer.ts';
import { isWhole, proveSealed, proveStored, repairSector, sealSector } from '../src/miner/tasks.ts';
import { type Cleanup, tempFolder } from './pool-kit.ts';
import { bundleRunThread } from './run-thread.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const shape = { sectorBytes: 2 ** 20, layers: 4, sealChallenges: 6 };
const miner = new Uint8Array(20).fill(1);
const seed = new Uint8Array(32).fill(2);
const orderIn = (folder: string) => ({ folder, miner, sector: 1n, seed, shape });
const randomness = new Uint8Array(32).fill(3);

async function bundled(source: string): Promise<URL> {
  const thread = await bundleRunThread(source);
  cleanups.push(() => thread.remove());
  return thread.url;
}

describe('sealing on a disk', () => {
  it('[P10] killed with -9, goes on with the layers that are there, to the same sector', async () => {
    const child = fileURLToPath(await bundled('../test/seal-child'));
    const folder = await tempFolder(cleanups);
    // The third of four layers of 2^15 labels has begun.
    const labels = 2 * 2 ** 15;
    const order = { folder, miner: toHex(miner), seed: toHex(seed), shape, labels };
    const running = spawn(process.execPath, [child, JSON.stringify(order)]);
    expect(await once(running, 'exit')).toEqual([null, 'SIGKILL']);
    await access(join(folder, 'layer-2'));
    let least = Number.POSITIVE_INFINITY;
    const resumed = sealSector(orderIn(folder), (done) => {
      least = Math.min(least, done);
    });
    expect(least).toBeGreaterThan(labels);
    const anew = sealSector(orderIn(await tempFolder(cleanups)), () => {});
    expect(resumed).toEqual(anew);
  });

  it('[P10] is done by a thread, whose proofs hold; damage is found, skipped and mended', async () => {
    const sealer = new Sealer(await bundled('miner/seal-thread'));
    cleanups.push(() => sealer.stop());
    const [folder, proofs] = [await tempFolder(cleanups), await tempFolder(cleanups)];
    const done = await sealer.run('seal', orderIn(folder));
    const statement = { miner, sector: 1n, seed, ...done };
    const id = await sealer.run('proveSeal', {
      folder,
      proofs,
      statement,
      shape,
      challenge: randomness,
    });
    const file = new Uint8Array(await readFile(join(proofs, toHex(id))));
    expect(faultOfSealProof(statement, shape, randomness, id, file)).toBeUndefined();
    await expect(access(join(folder, 'layer-1'))).rejects.toThrow(/ENOENT/);
    // The layers are gone; the proof can be made once more all the same.
    const order = { folder, proofs, statement, shape, challenge: randomness };
    expect(await proveSealed(order)).toEqual(id);

    const { replica } = done;
    const { sectorBytes } = shape;
    const place = { miner, deadline: 0, partition: 0, opens: 30n, seed: randomness };
    const known = [{ number: 1n, replica, folder }];
    const window = { proofs, place, sectorBytes, leaves: 5, sectors: known };
    const proven = await sealer.run('proveWindow', window);
    expect(proven.skipped).toEqual([]);
    const shown = new Uint8Array(await readFile(join(proofs, toHex(proven.id!))));
    expect(faultOfWindowProof(place, sectorBytes, known, 5, proven.id!, shown)).toBeUndefined();

    const sealed = await readFile(join(folder, 'sealed'));
    // Who keeps the data alone has nothing that the window takes.
    await writeFile(join(folder, 'sealed'), new Uint8Array(sectorBytes));
    expect(proveStored(window)).toEqual({ id: undefined, skipped: [1n] });
    sealed[70_000]! ^= 4;
    await writeFile(join(folder, 'sealed'), sealed);
    expect(isWhole({ folder, replica, sectorBytes })).toBe(false);
    expect(proveStored(window)).toEqual({ id: undefined, skipped: [1n] });
    expect(repairSector({ ...orderIn(folder), replica }, () => {})).toBe(true);
    expect(isWhole({ folder, replica, sectorBytes })).toBe(true);
  });
});
