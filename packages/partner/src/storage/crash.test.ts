import { spawn } from 'node:child_process';
import { mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHex } from '@palisade/core';
import { build } from 'esbuild';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ContentStore } from './index.ts';
import {
  contentOf,
  granted,
  holds,
  jobId,
  MIB,
  put,
  streamed,
  type TestContent,
  Workbench,
} from './testing/builders.ts';

const bench = new Workbench();
afterEach(() => bench.clear());

class Crash extends Error {}

/** Lets `steps` steps through to the disk and none after: what a process does that dies there. */
function crashAfter(steps: number) {
  let taken = 0;
  return {
    hook: () => {
      if (taken++ >= steps) throw new Crash();
    },
    get happened() {
      return taken > steps;
    },
  };
}

/** Everything a store does in its life: store two contents, one for two jobs, give one up. */
async function life(store: ContentStore, [first, second]: readonly [TestContent, TestContent]) {
  await put(store, first, 1);
  await put(store, second, 1);
  await put(store, first, 2);
  await store.release(first.contentId, jobId(1));
  await store.release(second.contentId, jobId(1));
}

describe('a store that crashed', () => {
  it('is whole again whichever step it died before, and finishes what it had begun', async () => {
    const contents = [contentOf(2 * MIB + 77, 1), contentOf(1500, 2)] as const;
    let steps = 0;
    for (let ended = false; !ended; steps++) {
      const folder = await bench.folder();
      const crash = crashAfter(steps);
      try {
        await life(await bench.open(folder, { diskHook: crash.hook }), contents);
      } catch (error) {
        expect(error).toBeInstanceOf(Crash);
      }
      ended = !crash.happened;

      const store = await bench.open(folder);
      for (const { contentId, damage } of store.list()) {
        expect(damage).toBeUndefined();
        const content = contents.find((one) => toHex(one.contentId) === toHex(contentId))!;
        expect(await holds(store, content)).toBe(true);
      }
      for (const content of contents) {
        await put(store, content, 5);
        expect(await holds(store, content)).toBe(true);
        await store.delete(content.contentId);
      }
      expect(store.usage()).toMatchObject({ promisedBytes: 0, contents: 0, openUploads: 0 });
      await bench.clear();
    }
    expect(steps).toBeGreaterThan(40);
  });

  it('believes of a partial upload only what matches the outline, however the disk garbled it', async () => {
    const content = contentOf(4 * MIB + 9);
    const harm = fc.record({
      sent: fc.nat(content.size),
      cutTo: fc.option(fc.nat(content.size + 3 * MIB)),
      garbleAt: fc.option(fc.nat(content.size)),
    });
    await fc.assert(
      fc.asyncProperty(harm, async ({ sent, cutTo, garbleAt }) => {
        const folder = await bench.folder();
        const before = await bench.open(folder);
        granted(await before.beginUpload({ ...content, jobId: jobId(1) }));
        const part = streamed(content.bytes.subarray(0, sent));
        const { received } = granted(await before.append(content.contentId, 0, part));
        await before.close();
        const path = join(folder, 'uploads', toHex(content.contentId).slice(2), 'data');
        const limit = await spoil(path, received, cutTo, garbleAt);

        const store = await bench.open(folder);
        const begun = granted(await store.beginUpload({ ...content, jobId: jobId(2) }));
        expect(begun.received).toBe(limit === content.size ? limit : limit - (limit % MIB));
        await put(store, content, 2);
        expect(await holds(store, content)).toBe(true);
        expect(store.list()[0]!.jobs).toHaveLength(2);
        const [stored] = (await bench.open(folder)).list();
        expect(stored!.damage).toBeUndefined();
        expect(stored!.jobs).toHaveLength(2);
        await bench.clear();
      }),
      { numRuns: 25 },
    );
  });

  it('removes what is no upload from the place of uploads', async () => {
    const folder = await bench.folder();
    const content = contentOf(10);
    await put(await bench.open(folder), content);
    const strays = ['x', toHex(jobId(7)).slice(2)];
    for (const stray of strays)
      await mkdir(join(folder, 'uploads', stray, 'jobs'), { recursive: true });
    const store = await bench.open(folder);
    expect(store.usage()).toMatchObject({ contents: 1, openUploads: 0 });
    for (const stray of strays) {
      await expect(stat(join(folder, 'uploads', stray))).rejects.toThrow('ENOENT');
    }
  });
});

/** Cuts and garbles a file; returns up to where it is still right. */
async function spoil(
  path: string,
  length: number,
  cutTo: number | null,
  garbleAt: number | null,
): Promise<number> {
  const file = await open(path, 'r+');
  let limit = length;
  if (cutTo !== null) {
    // A longer file than was written: a crash may leave zeros behind the end.
    await file.truncate(cutTo);
    limit = Math.min(limit, cutTo);
  }
  if (garbleAt !== null) {
    const byte = new Uint8Array(1);
    await file.read(byte, 0, 1, garbleAt);
    byte[0]! ^= 0xff;
    await file.write(byte, 0, 1, garbleAt);
    limit = Math.min(limit, garbleAt);
  }
  await file.close();
  return limit;
}

describe('a partner killed with -9', () => {
  const child = fileURLToPath(new URL('./testing/upload-child.ts', import.meta.url));
  const builders = new Workbench();
  let program: string;

  beforeAll(async () => {
    program = join(await builders.folder(), 'upload-child.mjs');
    await build({
      entryPoints: [child],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      // Bundled CommonJS asks for `require`, which an ES module does not have by itself.
      banner: {
        js: "import { createRequire as cr } from 'node:module'; const require = cr(import.meta.url);",
      },
    });
  });
  afterAll(() => builders.clear());

  /** Runs the child to its end; tells how it ended and the last number it said after each word. */
  function run(...args: readonly (string | number)[]) {
    const running = spawn(process.execPath, [program, ...args.map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    running.stdout.on('data', (part: Buffer) => {
      text += part;
    });
    return new Promise<{ end: string | number | null; said: (word: string) => number }>(
      (resolve, reject) => {
        running.on('error', reject);
        running.on('close', (code, signal) => {
          const lines = text.split('\n').map((line) => line.split(' '));
          const said = (word: string) =>
            Number(lines.findLast(([what]) => what === word)?.[1] ?? 0);
          resolve({ end: signal ?? code, said });
        });
      },
    );
  }

  it('has lost nothing that it acknowledged, again and again, and ends with the right bytes', async () => {
    const folder = await bench.folder();
    const content = contentOf(24 * MIB + 4321);
    let acknowledged = 0;
    for (const [killAtWrite, delayMs] of [
      [3, 0],
      [1, 0],
      [5, 1],
      [4, 2],
    ] as const) {
      const { end, said } = await run(folder, content.size, killAtWrite, delayMs);
      expect(end).toBe('SIGKILL');
      acknowledged = Math.max(acknowledged, said('acknowledged'));
      const store = await bench.open(folder);
      const begun = granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
      expect(begun.received).toBeGreaterThanOrEqual(acknowledged);
      expect(begun.received).toBeLessThan(content.size);
      expect(begun.received % MIB).toBe(0);
      await store.close();
    }
    expect(acknowledged).toBeGreaterThan(0);
    expect((await run(folder, content.size)).end).toBe(0);
    const store = await bench.open(folder);
    expect(await holds(store, content)).toBe(true);
  });

  it('keeps below 120 MB of memory while a large content streams in', async () => {
    const { end, said } = await run(await bench.folder(), 192 * MIB);
    expect(end).toBe(0);
    expect(said('resident')).toBeGreaterThan(10);
    expect(said('resident')).toBeLessThan(120);
  });
});
