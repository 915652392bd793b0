/**
 * `npm run test:large [-- MIB]`: bundles test/large with the program beside it, and runs it. Takes
 * some minutes and six times the size on disk, so it is no part of `npm test`.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isCount, readArguments } from './arguments.mjs';
import { bundleInto, ENTRIES, install, ROOT } from './setup.mjs';

const { rest } = readArguments({
  script: 'test:large',
  about:
    'Large and empty files through a network of processes while partners are killed, within a bound of memory.\nTakes some minutes and six times the size on disk.',
  rest: {
    name: '[MIB]',
    about: 'size of the file, 256 at least (1024, unless given)',
    most: 1,
    check: ([mib = '1']) => (isCount(mib) ? '' : `'${mib}' is no whole number of MiB`),
  },
});
install();
// Not in dist, which is emptied whenever a source has changed.
const folder = join(ROOT, '.cache/large');
rmSync(folder, { recursive: true, force: true });
await bundleInto(folder, { large: 'test/large/large.ts', ...ENTRIES });
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', join(folder, 'large.js'), ...rest],
  { cwd: ROOT, stdio: 'inherit' },
);
process.exit(status ?? 1);
