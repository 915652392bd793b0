import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDataDir } from '@palisade/daemon';
import { expect, it } from 'vitest';
import { lastWords, runDevnet } from './run.ts';

it('a folder that cannot be one is refused with the reason, and with what to do', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'palisade-run-'));
  const file = join(dir, 'file');
  writeFileSync(file, '');
  const run = { processes: false, story: false, exit: false, json: true, sectors: 0 } as const;
  try {
    for (const root of [file, join(file, 'below')])
      await expect(runDevnet({ ...run, root, logLevel: 'info' })).rejects.toMatchObject({
        code: 'devnet/bad-folder',
        message: expect.stringMatching(/cannot be kept in .*: .*(a file|not a directory)/),
        next: expect.stringContaining('--dir'),
      });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

it('a second one in a folder says that the first goes on, where, and what to do', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'palisade-run-'));
  const other = join(dir, 'partner-1');
  mkdirSync(other);
  writeFileSync(join(dir, 'network.json'), '{"urls":["http://127.0.0.1:26650"]}');
  const lock = await lockDataDir(dir, 'devnet');
  const inner = await lockDataDir(other, 'reset');
  const whyNot = (folder: string) => lockDataDir(folder, 'devnet').catch((error: unknown) => error);
  try {
    const words = lastWords(await whyNot(dir), dir);
    expect(words).not.toContain('The network ends');
    for (const part of [dir, `${process.pid}`, 'http://127.0.0.1:26650', 'Ctrl-C', '--dir'])
      expect(words).toContain(part);
    expect(lastWords(await whyNot(other), dir)).toMatch(/^The network ends: .*\(reset, since/);
  } finally {
    inner.release();
    lock.release();
    rmSync(dir, { recursive: true, force: true });
  }
});
