import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { atomicWrite } from './atomicWrite.ts';
import { directorySize, ensureDir, freeBytes } from './folders.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'palisade-files-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('atomicWrite', () => {
  it('replaces a file whole, with the mode asked for, and leaves nothing beside it', async () => {
    const path = join(dir, 'state.json');
    await atomicWrite(path, 'old old old');
    await atomicWrite(path, 'new', { mode: 0o600 });
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(dir)).toEqual(['state.json']);
  });

  it('of many writers that may not overwrite, exactly one succeeds', async () => {
    const path = join(dir, 'once');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => atomicWrite(path, `writer ${i}`, { overwrite: false })),
    );
    const winners = outcomes.flatMap((o, i) => (o.status === 'fulfilled' ? [i] : []));
    expect(winners).toHaveLength(1);
    expect(await readFile(path, 'utf8')).toBe(`writer ${winners[0]}`);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason.code).toBe('files/exists');
    }
    expect(await readdir(dir)).toEqual(['once']);
  });

  it('readers see the old content or the new one, never a part', async () => {
    const path = join(dir, 'big');
    const versions = ['a', 'b'].map((c) => c.repeat(200_000));
    await atomicWrite(path, versions[0]!);
    let writing = true;
    const writer = (async () => {
      for (let i = 0; i < 20; i++) await atomicWrite(path, versions[i % 2]!);
      writing = false;
    })();
    while (writing) expect(versions).toContain(await readFile(path, 'utf8'));
    await writer;
  });
});

describe('folders', () => {
  it('a private folder is made private, and one that is open to others is refused', async () => {
    await ensureDir(join(dir, 'a/b'), 0o700);
    expect((await stat(join(dir, 'a/b'))).mode & 0o777).toBe(0o700);
    await ensureDir(join(dir, 'a/b'), 0o700);
    await mkdir(join(dir, 'open'), { mode: 0o755 });
    await expect(ensureDir(join(dir, 'open'), 0o700)).rejects.toMatchObject({
      code: 'files/too-open',
    });
  });

  it.runIf(process.platform === 'linux')(
    'where the system lets nobody make a folder, that is said at once',
    async () => {
      for (const path of ['/proc/palisade', '/proc/palisade/a/b'])
        await expect(ensureDir(path)).rejects.toThrow(/mkdir '\/proc\/palisade'/);
    },
  );

  it('a file where a folder is needed is named', async () => {
    await writeFile(join(dir, 'file'), '');
    await expect(ensureDir(join(dir, 'file'))).rejects.toMatchObject({
      code: 'files/not-a-folder',
    });
  });

  it('size counts all files below, and does not walk through links', async () => {
    expect(await directorySize(join(dir, 'absent'))).toBe(0);
    await mkdir(join(dir, 'x/y'), { recursive: true });
    const before = await directorySize(dir);
    await writeFile(join(dir, 'x/y/data'), Buffer.alloc(100_000, 1));
    await symlink('/', join(dir, 'x/everything'));
    const grown = (await directorySize(dir)) - before;
    expect(grown).toBeGreaterThanOrEqual(100_000);
    expect(grown).toBeLessThan(200_000);
  });

  it('free space is a number of bytes', async () => {
    expect(await freeBytes(dir)).toBeGreaterThan(0);
  });
});
