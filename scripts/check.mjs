/** `npm run check`: everything that can be said about the sources without running them. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { install, ROOT } from './setup.mjs';

install();
const bin = (name) => join(ROOT, 'node_modules/.bin', name);
const checks = [
  ['format and lint', bin('biome'), ['check', '.']],
  ['types', bin('tsc'), ['-b']],
  ['contracts', process.execPath, ['scripts/contracts.mjs', '--check']],
  ['imports', process.execPath, ['scripts/check-imports.mjs']],
  ['requirements', process.execPath, ['scripts/requirements.mjs', '--check']],
];
let good = true;
for (const [name, command, args] of checks) {
  const started = performance.now();
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  good &&= status === 0;
}
process.exit(good ? 0 : 1);
