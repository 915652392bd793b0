import { silentLogger } from '@palisade/daemon';
import { describe, expect, it } from 'vitest';
import { WorkQueue } from './work-queue.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function queueOf(run: (key: string) => Promise<void>, concurrency = 2) {
  return new WorkQueue({ name: 'work', concurrency, run, log: silentLogger, firstPauseMs: 1 });
}

describe('the work queue', () => {
  it('does every piece, a few at a time', async () => {
    let running = 0;
    let most = 0;
    const done: string[] = [];
    const queue = queueOf(async (key) => {
      most = Math.max(most, ++running);
      await sleep(2);
      running--;
      done.push(key);
    });
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
    while (queue.size > 0) await sleep(1);
    expect(done.sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(most).toBe(2);
  });

  it('[P2V-8] tries again what failed, until it works', async () => {
    let failures = 0;
    const queue = queueOf(async () => {
      if (++failures < 5) throw new Error('not yet');
    });
    queue.add('a');
    while (queue.size > 0) await sleep(1);
    expect(failures).toBe(5);
  });

  it('runs a piece once more when it is asked for while it runs, and never twice at once', async () => {
    let runs = 0;
    let inside = 0;
    const queue = queueOf(async () => {
      expect(++inside).toBe(1);
      runs++;
      await sleep(5);
      inside--;
    });
    queue.add('a');
    queue.add('a');
    queue.add('a');
    while (queue.size > 0) await sleep(1);
    expect(runs).toBe(2);
  });

  it('brings forward what waits, and forgets what is dropped', async () => {
    const done: string[] = [];
    const queue = queueOf(async (key) => void done.push(key));
    queue.add('soon', 10_000);
    queue.add('never', 10_000);
    queue.add('soon');
    queue.drop('never');
    while (queue.size > 0) await sleep(1);
    expect(done).toEqual(['soon']);
  });

  it('begins nothing after it was stopped', async () => {
    const done: string[] = [];
    const queue = queueOf(async (key) => {
      await sleep(5);
      done.push(key);
    }, 1);
    queue.add('a');
    queue.add('b');
    await queue.stop();
    queue.add('c');
    await sleep(10);
    expect(done).toEqual(['a']);
  });
});
