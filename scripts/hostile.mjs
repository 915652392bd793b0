/** `npm run test:hostile`: bundles the hostile suite and runs it. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments } from './arguments.mjs';
import { bundleInto, install, ROOT, THREADS } from './setup.mjs';

const { values } = readArguments({
  script: 'test:hostile',
  about: 'Hostile requests to a validator: whatever comes, it refuses with a reason, and goes on.',
  options: {
    cases: { value: 'N', initial: 1_000_000, about: 'how many' },
    seed: { value: 'TEXT', about: 'the same cases again; another one each time, unless given' },
  },
});
install();
// Not beside the program, which is made anew whenever a source changes.
const folder = join(ROOT, '.cache', 'hostile');
rmSync(folder, { recursive: true, force: true });
await bundleInto(folder, { hostile: 'test/hostile/run.ts', ...THREADS });
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--expose-gc', join(folder, 'hostile.js'), JSON.stringify(values)],
  { cwd: ROOT, stdio: 'inherit' },
);
process.exit(status ?? 1);
