import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const PURE = ['core', 'formats', 'chain', 'market', 'power', 'payments'];
/** Files at a time: one more than cores, because daemons wait for blocks more than they compute. */
const WORKERS = availableParallelism() + 1;
/** Far longer than anything takes on a busy machine: a test says what comes, not how fast. */
const PATIENCE_MS = 180_000;
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
          expect: { poll: { timeout: 60_000 } },
          maxWorkers: WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Daemons as their users meet them, and what does not mind a machine that is slow: being killed,
        // being lied to.
        test: {
          name: 'packages',
          include: ['packages/*/test/**/*.test.ts', 'test/{crash,hostile}/**/*.test.ts'],
          exclude: EXCLUDE,
          testTimeout: PATIENCE_MS,
          hookTimeout: PATIENCE_MS,
          expect: { poll: { timeout: 60_000 } },
          maxWorkers: WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Whole networks with short sessions: one at a time, after all else, because a machine that
        // does not keep up makes partners miss their audits, as it should.
        test: {
          name: 'network',
          // Examples, which mostly wait.
          maxConcurrency: 2,
          include: ['test/{story,examples}/**/*.test.ts'],
          exclude: EXCLUDE,
          testTimeout: PATIENCE_MS,
          hookTimeout: PATIENCE_MS,
          expect: { poll: { timeout: 60_000 } },
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
