/**
 * `npm test`: set-up where needed, then the checks beside the tests. The last line counts what passed
 * and what failed, from the runner's own report.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testContracts } from './contracts.mjs';
import { bundle, install, ROOT } from './setup.mjs';

install();
await bundle();
const folder = mkdtempSync(join(tmpdir(), 'palisade-test-'));
const report = join(folder, 'report.json');
let failed = 0;
let passed = 0;

/** The checks say what they found all at once, so that it does not mix with what the tests say. */
function check() {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/check.mjs'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  process.stdout.write(stdout + stderr);
  if (status === 0) return true;
  console.error('The checks failed.');
  return false;
}

const given = process.argv.slice(2);
const vitest = spawn(
  process.execPath,
  [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...given,
  ],
  { cwd: ROOT, stdio: 'inherit' },
);
const ended = once(vitest, 'exit');
// Beside the tests: the compiler of contracts keeps one core busy, and many a test waits.
if (given.length === 0) {
  if (check()) passed++;
  else failed++;
  const contracts = testContracts();
  passed += contracts.passed;
  failed += contracts.failed;
}
const [status] = await ended;
const good = status === 0;
if (!good) console.error('A test failed.');
try {
  const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  passed += numPassedTests;
  failed += numFailedTests;
  // A file that does not even load has no tests that could fail.
  if (!good && numFailedTests === 0) failed += Math.max(1, numFailedTestSuites);
} catch {
  console.error('The test runner left no report.');
  failed++;
}
rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && good ? 0 : 1);
