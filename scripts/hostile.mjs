/** `npm run test:hostile -- [--cases N] [--seed TEXT]`: bundles the hostile suite and runs it. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleInto, install, ROOT, THREADS } from './setup.mjs';

install();
// Not beside the program, which is made anew whenever a source changes.
const folder = join(ROOT, '.cache', 'hostile');
rmSync(folder, { recursive: true, force: true });
await bundleInto(folder, { hostile: 'test/hostile/run.ts', ...THREADS });
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--expose-gc', join(folder, 'hostile.js'), ...process.argv.slice(2)],
  { cwd: ROOT, stdio: 'inherit' },
);
process.exit(status ?? 1);
