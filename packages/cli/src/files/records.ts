/** What was stored from here: only the client knows the names. One small file for each job. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { atomicWrite, ensureDir } from '@palisade/daemon/base';
import * as z from 'zod';

const fileRecord = z.object({
  job: z.string().regex(/^0x[0-9a-f]{64}$/),
  name: z.string().max(255),
  kind: z.enum(['file', 'directory']),
  size: z.number().int().nonnegative(),
  isPublic: z.boolean(),
  storedMs: z.number().int(),
});
export type FileRecord = z.output<typeof fileRecord>;

const PRIVATE = 0o700;

export async function writeRecord(folder: string, record: FileRecord): Promise<void> {
  await ensureDir(folder, PRIVATE);
  const text = `${JSON.stringify(record)}\n`;
  await atomicWrite(join(folder, `${record.job}.json`), text, { mode: 0o600 });
}

/** Records by job; files that cannot be read count as none. */
export async function readRecords(folder: string): Promise<ReadonlyMap<string, FileRecord>> {
  const records = new Map<string, FileRecord>();
  if (!existsSync(folder)) return records;
  for (const name of await readdir(folder)) {
    const record = await readFile(join(folder, name), 'utf8').then(parse, () => undefined);
    if (record) records.set(record.job, record);
  }
  return records;
}

function parse(text: string): FileRecord | undefined {
  try {
    return fileRecord.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
