/**
 * `npm test`: set-up where needed, then the checks and the tests. The last line counts what passed
 * and what failed, from the runner's own report.
 */
import { spawnSync } from 'node:child_process';
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

function run(name, command, args) {
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  if (status === 0) return true;
  console.error(`${name} failed.`);
  return false;
}

const given = process.argv.slice(2);
if (given.length === 0) {
  if (run('The checks', process.execPath, ['scripts/check.mjs'])) passed++;
  else failed++;
  const contracts = testContracts();
  passed += contracts.passed;
  failed += contracts.failed;
}
const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
const good = run('A test', process.execPath, [
  vitest,
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...given,
]);
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
