import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packFolder } from './pack.ts';
import { unpack } from './unpack.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'palisade-archive-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

type Head = Parameters<ReturnType<typeof pack>['entry']>[0];

/** An archive that somebody wrote with other tools, and other intentions. */
async function* archiveOf(...entries: (readonly [head: Head, content?: string])[]) {
  const archive = pack();
  for (const [head, content] of entries) archive.entry(head, content ?? '');
  archive.finalize();
  for await (const chunk of archive) yield chunk as Uint8Array;
}

const unsafe = expect.objectContaining({ code: 'cli/unsafe-archive' });
const target = () => join(base, 'out');

/** Everything below a folder with its content, for comparing. */
function tree(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, name);
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) found[name] = `-> ${readlinkSync(path)}`;
    else if (stat.isDirectory()) found[name] = `folder ${(stat.mode & 0o777).toString(8)}`;
    else found[name] = `${(stat.mode & 0o777).toString(8)} ${readFileSync(path, 'utf8')}`;
  }
  return found;
}

describe('a folder', () => {
  it('comes back as it was: names, modes, times, links, empty folders', async () => {
    const folder = join(base, 'in');
    mkdirSync(join(folder, 'deep/empty'), { recursive: true });
    writeFileSync(join(folder, 'a.txt'), 'hello');
    writeFileSync(join(folder, 'zero'), '');
    writeFileSync(join(folder, 'deep', `${'long'.repeat(50)}.txt`), 'x'.repeat(100_000));
    writeFileSync(join(folder, 'deep', 'ä 漢.txt'), 'utf-8');
    chmodSync(join(folder, 'a.txt'), 0o750);
    symlinkSync('../a.txt', join(folder, 'deep/link'));
    utimesSync(join(folder, 'a.txt'), 1_600_000_000, 1_600_000_000);
    const tar = join(base, 'x.tar');
    expect(await packFolder(folder, tar)).toMatchObject({ skipped: [] });
    await unpack(createReadStream(tar), target());
    expect(tree(target())).toEqual(tree(folder));
    expect(statSync(join(target(), 'a.txt')).mtimeMs).toBe(1_600_000_000_000);
    expect(statSync(tar).mode & 0o777).toBe(0o600);
  });

  it('is an archive that tar itself can read', async () => {
    const folder = join(base, 'in');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.txt'), 'hello');
    const tar = join(base, 'x.tar');
    await packFolder(folder, tar);
    expect(execFileSync('tar', ['tf', tar], { encoding: 'utf8' })).toBe('a.txt\n');
  });

  it('leaves out links that lead out, and what is no file, and says so', async () => {
    const folder = join(base, 'in');
    mkdirSync(folder);
    symlinkSync('/etc/passwd', join(folder, 'absolute'));
    symlinkSync('../../secret', join(folder, 'relative'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const { skipped } = await packFolder(folder, join(base, 'x.tar'));
    expect([...skipped].sort()).toEqual(['absolute', 'pipe', 'relative']);
  });

  it('gives the same archive twice', async () => {
    const folder = join(base, 'in');
    mkdirSync(folder);
    for (const name of ['b', 'a', 'c']) writeFileSync(join(folder, name), name);
    await packFolder(folder, join(base, '1.tar'));
    await packFolder(folder, join(base, '2.tar'));
    expect(readFileSync(join(base, '1.tar')).equals(readFileSync(join(base, '2.tar')))).toBe(true);
  });
});

describe('an archive that wants out', () => {
  it.each([
    '../evil',
    'a/../../evil',
    'a/b/../../../evil',
    '/tmp/palisade-evil',
    '..',
    '..\\evil',
    'C:\\evil',
    'C:/evil',
  ])('is refused at the name %s, and nothing is written outside', async (name) => {
    await expect(unpack(archiveOf([{ name }, 'evil']), target())).rejects.toEqual(unsafe);
    expect(readdirSync(base)).toEqual(['out']);
    expect(existsSync('/tmp/palisade-evil')).toBe(false);
  });

  it.each(['/etc', '../..', '../../etc/passwd', ''])(
    'is refused at a link to %s',
    async (linkname) => {
      const entry = [{ name: 'a/link', type: 'symlink' as const, linkname }] as const;
      await expect(unpack(archiveOf(entry), target())).rejects.toEqual(unsafe);
    },
  );

  it('does not write through a link, not even through one that stays inside', async () => {
    const link = [{ name: 'link', type: 'symlink' as const, linkname: 'real' }] as const;
    const through = [{ name: 'link/file' }, 'x'] as const;
    const real = [{ name: 'real', type: 'directory' as const }] as const;
    await expect(unpack(archiveOf(real, link, through), target())).rejects.toEqual(unsafe);
    expect(readdirSync(join(target(), 'real'))).toEqual([]);
  });

  it('does not replace a link with a file of the same name', async () => {
    writeFileSync(join(base, 'victim'), 'mine');
    mkdirSync(target());
    symlinkSync(join(base, 'victim'), join(target(), 'x'));
    await expect(unpack(archiveOf([{ name: 'x' }, 'evil']), target())).rejects.toEqual(unsafe);
    expect(readFileSync(join(base, 'victim'), 'utf8')).toBe('mine');
  });

  it('does not write one name twice', async () => {
    const twice = archiveOf([{ name: 'a' }, 'first'], [{ name: 'a' }, 'second']);
    await expect(unpack(twice, target())).rejects.toEqual(unsafe);
    expect(readFileSync(join(target(), 'a'), 'utf8')).toBe('first');
  });

  it.each(['link', 'block-device', 'character-device', 'fifo'] as const)(
    'brings no %s',
    async (type) => {
      const entry = [{ name: 'a', type, linkname: 'b' }] as const;
      await expect(unpack(archiveOf(entry), target())).rejects.toEqual(unsafe);
    },
  );

  it('cannot give a file the rights of its owner', async () => {
    await unpack(archiveOf([{ name: 'a', mode: 0o4777 }, 'x']), target());
    expect(statSync(join(target(), 'a')).mode & 0o7000).toBe(0);
  });

  it('that is cut off is an error, not a shorter folder', async () => {
    async function* half() {
      const parts: Uint8Array[] = [];
      for await (const part of archiveOf([{ name: 'a' }, 'x'.repeat(5000)])) parts.push(part);
      yield Buffer.concat(parts).subarray(0, 2000);
    }
    await expect(unpack(half(), target())).rejects.toThrow();
  });
});
