/**
 * `npm run test:large [-- MIB]`: bundles test/large with the program beside it, and runs it. Takes
 * some minutes and six times the size on disk, so it is no part of `npm test`.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleInto, ENTRIES, install, ROOT } from './setup.mjs';

install();
// Not in dist, which is emptied whenever a source has changed.
const folder = join(ROOT, '.cache/large');
rmSync(folder, { recursive: true, force: true });
await bundleInto(folder, { large: 'test/large/large.ts', ...ENTRIES });
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', join(folder, 'large.js'), ...process.argv.slice(2)],
  { cwd: ROOT, stdio: 'inherit' },
);
process.exit(status ?? 1);
