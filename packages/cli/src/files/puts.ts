/**
 * Unfinished puts. Each has a folder with the sealed content and a record of how far it is, so that
 * the same command, given again after a crash, goes on with the same job.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatPutState, type PutState, parsePutState } from '@palisade/client';
import * as z from 'zod';
import { type HeldFolder, holdFolder } from './held-folder.ts';

/** What makes two puts the same one. */
export type PutSource = {
  /** Absolute. */
  readonly path: string;
  readonly name: string;
  readonly kind: 'file' | 'directory';
  /** Bytes of the file, or of the archive of a folder. */
  readonly size: number;
  readonly mtimeMs: number;
  readonly isPublic: boolean;
};

const putRecord = z.object({
  version: z.literal(1),
  genesisHash: z.string(),
  source: z.object({
    path: z.string(),
    name: z.string(),
    kind: z.enum(['file', 'directory']),
    size: z.number(),
    mtimeMs: z.number(),
    isPublic: z.boolean(),
  }),
  state: z.string(),
});

export type UnfinishedPut = {
  readonly folder: string;
  readonly genesisHash: string;
  readonly source: PutSource;
  readonly state: PutState;
};

/** The folder of one put, held by this process alone. */
export type PutFolder = Pick<HeldFolder, 'remove' | 'release'> & {
  readonly content: string;
  save(genesisHash: string, source: PutSource, state: PutState): Promise<void>;
};

export async function newPutFolder(spool: string): Promise<PutFolder> {
  return holdPutFolder(join(spool, randomBytes(8).toString('hex')));
}

/** @throws PalisadeError `daemon/data-dir-in-use` while another process works on it */
export async function holdPutFolder(folder: string): Promise<PutFolder> {
  const { path, write, remove, release } = await holdFolder(folder, 'put');
  return {
    content: join(path, 'content'),
    async save(genesisHash, source, state) {
      const record = { version: 1, genesisHash, source, state: formatPutState(state) };
      await write('put.json', `${JSON.stringify(record)}\n`);
    },
    remove,
    release,
  };
}

/** Puts that can be taken up again; folders without a readable record are not among them. */
export async function unfinishedPuts(spool: string): Promise<readonly UnfinishedPut[]> {
  const found: UnfinishedPut[] = [];
  if (!existsSync(spool)) return found;
  for (const name of (await readdir(spool)).sort()) {
    const folder = join(spool, name);
    try {
      const text = await readFile(join(folder, 'put.json'), 'utf8');
      const { genesisHash, source, state } = putRecord.parse(JSON.parse(text));
      found.push({ folder, genesisHash, source, state: parsePutState(state) });
    } catch {
      // It never came as far as a request: nothing was paid, and nothing is lost.
    }
  }
  return found;
}

/** Removes what puts left behind that never came as far as a request. */
export async function sweepSpool(spool: string): Promise<void> {
  if (!existsSync(spool)) return;
  for (const name of await readdir(spool)) {
    const folder = join(spool, name);
    if (existsSync(join(folder, 'put.json'))) continue;
    const held = await holdPutFolder(folder).catch(() => undefined); // one that is just beginning
    await held?.remove();
  }
}

/** Whether a file is still the one that a put was begun with. */
export function isSameSource(a: PutSource, b: PutSource): boolean {
  const sameBytes = a.kind === 'directory' || (a.size === b.size && a.mtimeMs === b.mtimeMs);
  return a.path === b.path && a.kind === b.kind && a.isPublic === b.isPublic && sameBytes;
}
