import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import { claims, type SectorsParams, sectors } from '@palisade/power';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Cleanup,
  type Pool,
  startPool,
  startTestPartner,
  tempFolder,
  until,
} from './pool-kit.ts';

/** Small sectors; a period of 2.2 s with the kit's blocks. */
const SECTORS: Partial<SectorsParams> = {
  sectorBytes: 16_384,
  layers: 4,
  sealChallenges: 8,
  windowLeaves: 8,
  windowBlocks: 12,
  lookbackBlocks: 2,
  cutoffBlocks: 4,
  disputeBlocks: 12,
  maxFaultPeriods: 40,
};
const MINING = { sectors: 2, tickMs: 60, checkMs: 1000 };

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The account of a partner of the pool. */
function accountOf(pool: Pool, number = 0): Uint8Array {
  return secp256k1.addressOf(pool.network.partners[number]!.accountSecret);
}

describe('the miner of a partner', () => {
  it('[P9] [P10] seals, proves and keeps proving by itself; makes damage good', async () => {
    const pool = await startPool(cleanups, undefined, { sectors: SECTORS });
    const partner = await startTestPartner(pool, cleanups, { config: { mining: MINING } });
    const account = accountOf(pool);
    const power = () => claims.get(pool.node.application.committed, account)?.raw ?? 0n;
    await until(async () => power() === 2n * 16_384n);
    const [first] = [...sectors.list(pool.node.application.committed, account)];
    const sealed = join(partner.dataDir, 'sectors', `${first![0][1]}`, 'sealed');
    const bytes = await readFile(sealed);
    bytes[5000]! ^= 1;
    await writeFile(sealed, bytes);
    await until(async () => power() === 16_384n);
    await until(async () => power() === 2n * 16_384n);
    const repaired = await readFile(sealed);
    expect(repaired[5000]).toBe(bytes[5000]! ^ 1);
    const status = await (await fetch(`${partner.url}/status`)).json();
    expect(status).toMatchObject({ sectors: { wanted: 2, proven: 2, damaged: [] } });
    // Stopped and started anew, it goes on where it was, and makes up for windows that passed meanwhile.
    await partner.stop();
    await until(async () => power() < 2n * 16_384n);
    const { dataDir } = partner;
    const again = await startTestPartner(pool, cleanups, { dataDir, config: { mining: MINING } });
    await until(async () => power() === 2n * 16_384n);
    const proof = first![1].proof;
    const served = await fetch(`${again.url}/v1/proofs/${toHex(proof)}`);
    expect(served.status).toBe(200);
  });

  it('says so, and begins nothing, when the disk is too small', async () => {
    const pool = await startPool(cleanups, undefined, { sectors: SECTORS });
    const dataDir = await tempFolder(cleanups);
    const partner = await startTestPartner(pool, cleanups, {
      dataDir,
      config: { mining: MINING },
      freeBytes: async () => 50_000,
    });
    await until(async () => {
      const status = (await (await fetch(`${partner.url}/status`)).json()) as {
        sectors: { reason: string | null } | null;
      };
      return status.sectors?.reason?.includes('needs 98304 bytes') === true;
    });
    await expect(readFile(join(dataDir, 'sectors', '0', 'sector.json'))).rejects.toThrow(/ENOENT/);
  });
});
