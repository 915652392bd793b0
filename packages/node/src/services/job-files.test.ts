import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Opened } from '@palisade/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JobFiles } from './job-files.ts';

const GUARD_MS = 150;
let dir: string;
let nowMs: number;
let height: bigint;
let files: JobFiles;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'palisade-job-files-'));
  nowMs = 10_000;
  height = 7n;
  files = new JobFiles({
    path: join(dir, 'files'),
    guardMs: GUARD_MS,
    nowMs: () => nowMs,
    next: () => ({ height, dueMs: 11_000 }),
    idOf: async (envelope: Uint8Array) => idOf(envelope),
  });
});
afterEach(async () => {
  await files.close();
  await rm(dir, { recursive: true, force: true });
});

const idOf = (envelope: Uint8Array) =>
  new Uint8Array(createHash('sha256').update(envelope).digest());
const envelopes = [1, 2, 3].map((fill) => new Uint8Array(40).fill(fill));
const place = (envelope: Uint8Array) => files.place({ id: idOf(envelope) } as Opened, envelope);

describe('the two open job files', () => {
  it('[C2V-2.Q2] take a request for the next block until the guard time, then for the one after it', async () => {
    nowMs = 11_000 - GUARD_MS;
    expect(await place(envelopes[0]!)).toEqual({ height: 7n, jobsInFile: 1 });
    nowMs++;
    expect(await place(envelopes[1]!)).toEqual({ height: 8n, jobsInFile: 1 });
    expect(files.openFile(7n)).toEqual([envelopes[0]]);
    expect(files.openFile(8n)).toEqual([envelopes[1]]);
    expect(files.openFile(6n)).toBeUndefined();
    expect(files.openFile(9n)).toBeUndefined();
  });

  it('[C2V-2.Q3] the same request again stays in its file, and a file is listed by id', async () => {
    for (const envelope of envelopes) await place(envelope);
    nowMs = 11_000;
    expect(await place(envelopes[0]!)).toMatchObject({ height: 7n });
    const listed = files
      .openFile(7n)!
      .map((envelope) => Buffer.from(idOf(envelope)).toString('hex'));
    expect(listed).toHaveLength(3);
    expect(listed).toEqual([...listed].sort());
  });

  it('[V2V-4] what a block left out moves to the next file', async () => {
    await place(envelopes[0]!);
    await files.committed(7n, []);
    height = 8n;
    expect(files.openFile(8n)).toEqual([envelopes[0]]);
    await files.committed(8n, [envelopes[0]!]);
    height = 9n;
    expect(files.openFile(9n)).toEqual([]);
  });
});
