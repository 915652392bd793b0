/**
 * `npm run test:crash`: kills a whole network, and often its client, at seeded points of the main job,
 * and looks at what they have kept. A point that a run never reaches is told and drawn again. Bundled
 * as the program is, in a folder of its own, so that several runs and a build do not disturb each other.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isCount, readArguments } from './arguments.mjs';
import { bundleInto, install, ROOT, THREADS } from './setup.mjs';

const { values } = readArguments({
  script: 'test:crash',
  about:
    'Kills a whole network, and often its client, at seeded points of a job, and looks at what they have kept.\nOn a busy machine CRASH_SESSION_MS=12000 lets more jobs go on than end in a refund.',
  options: {
    points: { value: 'N', initial: 200, about: 'how many' },
    seed: { value: 'N', initial: 1, about: 'of the points' },
    only: {
      value: 'K,L',
      about: 'the points of these numbers, and no others',
      check: (text) =>
        text.split(',').every(isCount) ? '' : `wants numbers with commas, not '${text}'`,
    },
    jobs: { value: 'N', initial: 2, about: 'networks at a time' },
    json: { about: 'reports as JSON lines' },
    keep: { about: 'leaves the folders of points that failed' },
  },
});
install();
const cache = join(ROOT, '.cache');
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, 'crash-'));
let status = 1;
try {
  await bundleInto(folder, {
    main: 'test/crash/main.ts',
    'network-child': 'test/crash/network-child.ts',
    'client-child': 'test/crash/client-child.ts',
    ...THREADS,
  });
  const args = ['--enable-source-maps', join(folder, 'main.js'), JSON.stringify(values)];
  status = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(status);
