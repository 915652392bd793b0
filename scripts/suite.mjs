/**
 * `npm run test:reorg` and others: a test of every day at greater length. Figures go to the test by its
 * environment.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { readArguments } from './arguments.mjs';
import { install, ROOT } from './setup.mjs';

const SUITES = {
  reorg: {
    about:
      'The root chain takes back blocks at every stage of an exit, in every depth, while a watcher follows.',
    file: 'packages/watcher/test/reorg.test.ts',
    env: () => ({ PALISADE_REORGS: 'all' }),
  },
  'catch-up': {
    about: 'A watcher that was away comes back to many exits, a quarter of them invalid.',
    file: 'packages/watcher/test/catch-up.test.ts',
    options: { exits: { value: 'N', initial: 200, about: 'how many' } },
    env: ({ exits }) => ({ PALISADE_CATCH_UP: exits }),
  },
  watchers: {
    about: 'Several watchers at once, and many thefts: what they burn for nothing, and miss.',
    file: 'packages/watcher/test/several-watchers.test.ts',
    options: { exits: { value: 'N', initial: 100, about: 'thefts of each run' } },
    env: ({ exits }) => ({ PALISADE_EXITS: exits }),
  },
  rlp: {
    about: 'Transactions as bytes that nobody would send.',
    file: 'packages/payments/src/format/transaction.fuzz.test.ts',
    options: { cases: { value: 'N', initial: 1_000_000, about: 'how many' } },
    env: ({ cases }) => ({ PALISADE_RLP_CASES: cases }),
  },
};

const name = process.argv.splice(2, 1)[0];
const { about, file, env, options } = SUITES[name];
const { values } = readArguments({
  ...{ script: `test:${name}`, about },
  options: { ...options, only: { value: 'TEXT', about: 'tests whose names have this in them' } },
});
install();
const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
const only = values.only === undefined ? [] : ['-t', values.only];
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', file, '--reporter=verbose', ...only],
  { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env(values) } },
);
process.exit(status ?? 1);
