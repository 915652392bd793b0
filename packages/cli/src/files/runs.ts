/**
 * Unfinished runs: a small file each, so that the same command, given again after a crash, goes on
 * with the same jobs. It names the work; whatever has other bytes, limits or partners is another run.
 */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatPutState, type PutState, parsePutState } from '@palisade/client';
import { PalisadeError } from '@palisade/core';
import { atomicWrite, ensureDir } from '@palisade/daemon/base';
import * as z from 'zod';

const PRIVATE = 0o700;
const runRecord = z.object({ version: z.literal(1), hires: z.array(z.string()).max(64) });

export type RunFile = {
  /** How far an earlier try was. */
  readonly hires: readonly PutState[];
  save(hires: readonly PutState[]): Promise<void>;
  /** Forgets the run: its output is here, or can never be. */
  remove(): Promise<void>;
};

/**
 * The file of a run.
 * @param name all that makes two runs the same one: chain, account, work, number of partners
 * @throws PalisadeError `cli/bad-run-file` when it cannot be read: money may depend on it
 */
export async function openRunFile(folder: string, name: readonly string[]): Promise<RunFile> {
  await ensureDir(folder, PRIVATE);
  const id = createHash('sha256').update(JSON.stringify(name)).digest('hex');
  const path = join(folder, `${id}.json`);
  return {
    hires: await readHires(path),
    async save(hires) {
      const text = JSON.stringify({ version: 1, hires: hires.map(formatPutState) });
      await atomicWrite(path, `${text}\n`, { mode: 0o600 });
    },
    remove: () => rm(path, { force: true }),
  };
}

async function readHires(path: string): Promise<readonly PutState[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    return runRecord.parse(JSON.parse(text)).hires.map(parsePutState);
  } catch (cause) {
    throw new PalisadeError({
      code: 'cli/bad-run-file',
      message: `${path} does not say how far the run is.`,
      next: 'Delete it to begin anew; what is locked for the old jobs comes back with their session.',
      cause,
    });
  }
}
