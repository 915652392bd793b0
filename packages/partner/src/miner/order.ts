/**
 * How many sectors somebody ordered by hand, beside the settings: a file in the partner's data folder,
 * which its miner looks at again and again.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PalisadeError } from '@palisade/core';
import { atomicWrite, freeBytes } from '@palisade/daemon';
import type { SectorsParams } from '@palisade/power/schema';
import * as z from 'zod';
import { readJson } from '../records/saved-file.ts';

const orderForm = z.object({ sectors: z.number().int().min(0).max(32_768) });
const pathOf = (dataDir: string) => join(dataDir, 'mining.json');

/** Sectors that were ordered; 0 where nobody ordered any. */
export async function orderedSectors(dataDir: string): Promise<number> {
  const json = await readJson(pathOf(dataDir));
  return json === undefined ? 0 : orderForm.parse(json).sectors;
}

/** Sectors in a partner's data folder, being sealed ones too. */
export async function sectorsOnDisk(dataDir: string): Promise<number> {
  const folder = join(dataDir, 'sectors');
  if (!existsSync(folder)) return 0;
  return (await readdir(folder)).filter((name) => /^\d+$/.test(name)).length;
}

/**
 * Room that sealing `count` further sectors needs, bytes: they stay, one after another has its layers, and
 * one file is on its way.
 */
export function roomToSeal(
  { layers, sectorBytes }: Pick<SectorsParams, 'layers' | 'sectorBytes'>,
  count: number,
): number {
  return (layers + 1 + count) * sectorBytes;
}

export type SealOrderOptions = {
  /** Data folder of a partner. */
  readonly dataDir: string;
  /** Further sectors. */
  readonly count: number;
  /** Sectors that it has, or is about to have. */
  readonly has: number;
  readonly params: Pick<SectorsParams, 'layers' | 'sectorBytes' | 'maxSectors'>;
  /** Room on the disk, bytes; for tests. */
  readonly free?: number | undefined;
};

/**
 * Orders further sectors; answers how many there will be in all. The miner of that folder begins with
 * its next look, or when it is started.
 * @throws PalisadeError `partner/too-little-disk`, `partner/too-many-sectors`
 */
export async function orderSectors(options: SealOrderOptions): Promise<number> {
  const { dataDir, count, params } = options;
  const sectors = Math.max(options.has, await orderedSectors(dataDir)) + count;
  if (sectors > params.maxSectors)
    throw new PalisadeError({
      code: 'partner/too-many-sectors',
      message: `A miner has at most ${params.maxSectors} sectors; these would be ${sectors}.`,
      next: `Order ${Math.max(0, params.maxSectors - (sectors - count))} at most, or run another partner.`,
    });
  const needed = roomToSeal(params, count);
  const free = options.free ?? (await freeBytes(dataDir));
  if (free < needed)
    throw new PalisadeError({
      code: 'partner/too-little-disk',
      message: `Sealing ${count} sectors of ${params.sectorBytes} bytes needs ${needed} bytes of disk; ${free} are free in ${dataDir}.`,
      data: { needed, free },
      next: 'Free some space, or order fewer sectors.',
    });
  await atomicWrite(pathOf(dataDir), `${JSON.stringify({ sectors })}\n`);
  return sectors;
}
