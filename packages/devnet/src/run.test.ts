import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runDevnet } from './run.ts';

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
