import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const EXCLUDE = ['**/node_modules/**', '**/*.long.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        test: {
          name: 'packages',
          include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts'],
          exclude: EXCLUDE,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Vitest leaves a core to itself, which on two cores means one file at a time, and it
          // waits on networks more than it computes.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Whole networks with short sessions: one at a time, after all else, because a machine that
        // does not keep up makes partners miss their audits, as it should.
        test: {
          name: 'network',
          include: ['test/**/*.test.ts'],
          exclude: EXCLUDE,
          testTimeout: 180_000,
          hookTimeout: 60_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
