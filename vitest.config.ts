import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const PURE = ['core', 'formats', 'chain', 'market', 'power', 'payments'];
/** Files at a time: one more than cores, because daemons wait for blocks more than they compute. */
const WORKERS = availableParallelism() + 1;
/** Far longer than anything takes on a busy machine: a test says what comes, not how fast. */
const PATIENCE_MS = 300_000;
const EXCLUDE = ['**/node_modules/**', '**/*.long.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        // Pure packages keep nothing between files, so files may share a process: to load the modules
        // again for each would take longer than most tests.
        test: {
          name: 'pure',
          include: PURE.map((name) => `packages/${name}/src/**/*.test.ts`),
          exclude: EXCLUDE,
          isolate: false,
          testTimeout: PATIENCE_MS,
          maxWorkers: WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // So may these, which clean up after themselves: what they start ends with its test.
        test: {
          name: 'units',
          include: ['packages/*/src/**/*.test.ts'],
          exclude: [...EXCLUDE, ...PURE.map((name) => `packages/${name}/src/**`)],
          isolate: false,
          testTimeout: PATIENCE_MS,
          hookTimeout: PATIENCE_MS,
          expect: { poll: { timeout: 120_000 } },
          maxWorkers: WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Daemons as their users meet them, and what does not mind a machine that is slow: being killed,
        // being lied to.
        test: {
          name: 'packages',
          include: ['packages/*/test/**/*.test.ts', 'test/{crash,hostile,scripts}/**/*.test.ts'],
          exclude: EXCLUDE,
          // To load the modules of a daemon again for each file took as long as many of its tests.
          isolate: false,
          testTimeout: PATIENCE_MS,
          hookTimeout: PATIENCE_MS,
          expect: { poll: { timeout: 120_000 } },
          maxWorkers: WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Processes of their own with short sessions, after all else, because a machine that does not
        // keep up makes partners miss their audits, as it should. They mostly wait: two of them at a
        // time, beside the stories.
        test: {
          name: 'examples',
          maxConcurrency: 2,
          include: ['test/examples/**/*.test.ts'],
          exclude: EXCLUDE,
          // An example ends by itself when a step does not come.
          testTimeout: 2 * PATIENCE_MS,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Whole networks in a process, whose time stands still while the process does not get to its
        // work. Beside the examples, which take longest and so begin first: projects do, in the order
        // of their names.
        test: {
          name: 'network',
          include: ['test/story/**/*.test.ts'],
          exclude: EXCLUDE,
          testTimeout: PATIENCE_MS,
          hookTimeout: PATIENCE_MS,
          expect: { poll: { timeout: 120_000 } },
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
