import { spawnSync } from 'node:child_process';
import { rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { StorageState } from './index.ts';
import {
  bytesOf,
  contentOf,
  granted,
  holds,
  jobId,
  MIB,
  put,
  refusalOf,
  streamed,
  Workbench,
} from './testing/builders.ts';

const bench = new Workbench();
afterEach(async () => {
  bench.freeBytes = 2 ** 40;
  await bench.clear();
});

function noSpace(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
}

/** Remembers what the store said about itself. */
function recorder() {
  const said: string[] = [];
  const onStateChange = (state: StorageState) => {
    said.push(state.accepting ? 'accepting' : state.reason.code);
  };
  return { said, onStateChange };
}

describe('the quota', () => {
  it('is promised when an upload begins, so that many at once cannot overrun it', async () => {
    const { said, onStateChange } = recorder();
    const store = await bench.open(await bench.folder(), { quotaBytes: 7 * MIB, onStateChange });
    const begin = (seed: number) =>
      store.beginUpload({ ...contentOf(2 * MIB, seed), jobId: jobId(1) });
    const outcomes = await Promise.all([1, 2, 3, 4, 5].map(begin));
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(3);
    for (const outcome of outcomes.slice(3)) {
      expect(outcome).toMatchObject({
        refusal: { code: 'storage/quota-exceeded', retry: 'later' },
      });
    }
    expect(store.usage().promisedBytes).toBeLessThanOrEqual(7 * MIB);
    expect(said).toEqual(['storage/quota-exceeded']);
    await store.delete(contentOf(2 * MIB, 1).contentId);
    expect(said).toEqual(['storage/quota-exceeded', 'accepting']);
    expect((await begin(4)).ok).toBe(true);
  });

  it('counts the same after a restart, and even a tiny content has its price', async () => {
    const folder = await bench.folder();
    const store = await bench.open(folder);
    await put(store, contentOf(1, 1));
    await put(store, contentOf(2 * MIB + 1, 2));
    granted(await store.beginUpload({ ...contentOf(MIB, 3), jobId: jobId(1) }));
    const usage = store.usage();
    expect(usage.promisedBytes).toBeGreaterThan(3 * MIB + 3 * 16_384);
    expect((await bench.open(folder)).usage()).toEqual(usage);
  });

  it('made smaller than what is stored takes nothing more and loses nothing', async () => {
    const folder = await bench.folder();
    const content = contentOf(3 * MIB);
    await put(await bench.open(folder), content);
    const store = await bench.open(folder, { quotaBytes: MIB });
    expect(store.state).toMatchObject({ accepting: false });
    const more = await store.beginUpload({ ...contentOf(5), jobId: jobId(1) });
    expect(refusalOf(more)).toBe('storage/quota-exceeded');
    expect(await holds(store, content)).toBe(true);
  });
});

describe('a disk that runs full', () => {
  it('stops new uploads while less than the reserve is free, and takes them when it is again', async () => {
    const { said, onStateChange } = recorder();
    const store = await bench.open(await bench.folder(), {
      reserveBytes: 100 * MIB,
      onStateChange,
    });
    const content = contentOf(MIB);
    await put(store, content);
    bench.freeBytes = 99 * MIB;
    const refusal = await store.beginUpload({ ...contentOf(5), jobId: jobId(1) });
    expect(refusal).toMatchObject({ refusal: { code: 'storage/disk-full', retry: 'later' } });
    expect(await holds(store, content)).toBe(true);
    bench.freeBytes = 101 * MIB;
    expect(await store.refreshState()).toMatchObject({ accepting: false });
    bench.freeBytes = 200 * MIB;
    expect(await store.refreshState()).toEqual({ accepting: true });
    expect(said).toEqual(['storage/disk-full', 'accepting']);
    await put(store, contentOf(5));
  });

  it('does not promise free space twice, and a content too large for it stops nobody else', async () => {
    bench.freeBytes = 20 * MIB;
    const store = await bench.open(await bench.folder(), { reserveBytes: 10 * MIB });
    const begin = (size: number, seed: number) =>
      store.beginUpload({ ...contentOf(size, seed), jobId: jobId(1) });
    const outcomes = await Promise.all([begin(6 * MIB, 1), begin(6 * MIB, 2), begin(2 * MIB, 3)]);
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, false, true]);
    expect(refusalOf(outcomes[1]!)).toBe('storage/disk-full');
    expect(store.state.accepting).toBe(true);
  });

  it.each([['write-group'], ['sync-file'], ['write-file'], ['rename'], ['make-folder']] as const)(
    'refuses when the disk says so at %s, keeps what is right, and goes on when there is room',
    async (failing) => {
      let full = false;
      const diskHook = (step: string) => {
        if (full && (step === failing || step === 'write-file')) throw noSpace();
      };
      const { said, onStateChange } = recorder();
      const folder = await bench.folder();
      const store = await bench.open(folder, { diskHook, onStateChange });
      const kept = contentOf(MIB, 1);
      await put(store, kept);
      const content = contentOf(3 * MIB, 2);
      const upload = async () => {
        const begun = await store.beginUpload({ ...content, jobId: jobId(1) });
        if (!begun.ok) return begun;
        const { received } = begun.value;
        full = true;
        const rest = streamed(content.bytes.subarray(received));
        const sent = await store.append(content.contentId, received, rest);
        return sent.ok ? store.finish(content.contentId) : sent;
      };
      if (failing === 'write-file') full = true;
      expect(refusalOf(await upload())).toBe('storage/disk-full');
      expect(store.state.accepting).toBe(false);
      const other = await store.beginUpload({ ...contentOf(9, 3), jobId: jobId(1) });
      expect(refusalOf(other)).toBe('storage/disk-full');
      expect(await holds(store, kept)).toBe(true);
      expect((await store.refreshState()).accepting).toBe(false);

      full = false;
      expect((await store.refreshState()).accepting).toBe(true);
      expect(said).toEqual(['storage/disk-full', 'accepting']);
      await put(store, content);
      expect(await holds(store, content)).toBe(true);
      const usage = store.usage();
      expect((await bench.open(folder)).usage()).toEqual(usage);
    },
  );

  it('that fails now and then never makes a wrong content, with three clients sending at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(5)), async (luck) => {
        const diskHook = () => {
          if (luck.next().value === 0) throw noSpace();
        };
        const folder = await bench.folder();
        const content = contentOf(3 * MIB + 5);
        const store = await bench.open(folder, { diskHook }).catch(() => bench.open(folder));
        const client = async (job: number) => {
          for (let attempt = 0; attempt < 200; attempt++) {
            await store.refreshState();
            const begun = await store.beginUpload({ ...content, jobId: jobId(job) });
            if (!begun.ok) continue;
            const rest = streamed(content.bytes.subarray(begun.value.received));
            await store.append(content.contentId, begun.value.received, rest);
            if ((await store.finish(content.contentId)).ok) return true;
          }
          return false;
        };
        expect(await Promise.all([client(1), client(2), client(3)])).toEqual([true, true, true]);
        const reopened = await bench.open(folder);
        expect(await holds(reopened, content)).toBe(true);
        expect(reopened.list()[0]!.jobs).toHaveLength(3);
        await bench.clear();
      }),
      { numRuns: 30 },
    );
  });

  it('that loses what it had taken when a sync fails is read again, and nobody is told otherwise', async () => {
    let failing = true;
    const diskHook = async (step: string, path: string) => {
      if (!failing || step !== 'sync-file') return;
      failing = false;
      await truncate(path, MIB + 5);
      throw noSpace();
    };
    const store = await bench.open(await bench.folder(), { diskHook });
    const content = contentOf(4 * MIB);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    let goOn = () => {};
    const lost = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    async function* slowly() {
      yield content.bytes.subarray(0, 2 * MIB);
      await lost;
      yield content.bytes.subarray(2 * MIB, 3 * MIB);
    }
    const slow = store.append(content.contentId, 0, slowly());
    const part = streamed(content.bytes.subarray(0, 2 * MIB));
    expect(refusalOf(await store.append(content.contentId, 0, part))).toBe('storage/disk-full');
    goOn();
    // Group 2 is right, but the one before it is gone: it must not be counted past the gap.
    expect(granted(await slow).received).toBe(MIB);
    await store.refreshState();
    await put(store, content);
    expect(await holds(store, content)).toBe(true);
  });

  it('other failures of the disk are thrown, not called a lack of room', async () => {
    let broken = true;
    const diskHook = (step: string) => {
      if (broken && step === 'write-group') throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    const store = await bench.open(await bench.folder(), { diskHook });
    const content = contentOf(2 * MIB);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    const append = store.append(content.contentId, 0, streamed(content.bytes));
    await expect(append).rejects.toThrow('EIO');
    expect(store.state.accepting).toBe(true);
    broken = false;
    await put(store, content);
    expect(await holds(store, content)).toBe(true);
  });

  it('a real one of 8 MiB: refuses, keeps, and goes on once something else made room', async (test) => {
    const folder = await bench.folder();
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
    test.skip(mount.status !== 0, 'mounting a small disk needs root');
    try {
      const store = await bench.open(join(folder, 'store'), {
        reserveBytes: 0,
        // Says that there is room, so that the write itself finds out that there is not.
        freeBytes: async () => (await statfs(folder)).bavail * 4096 + 64 * MIB,
      });
      await writeFile(join(folder, 'ballast'), bytesOf(4 * MIB));
      const content = contentOf(6 * MIB);
      granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
      const sent = await store.append(content.contentId, 0, streamed(content.bytes));
      expect(refusalOf(sent)).toBe('storage/disk-full');
      expect((await store.refreshState()).accepting).toBe(false);
      await rm(join(folder, 'ballast'));
      expect((await store.refreshState()).accepting).toBe(true);
      const begun = granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
      expect(begun.received).toBe(3 * MIB);
      await put(store, content);
      expect(await holds(store, content)).toBe(true);
    } finally {
      await bench.closeStores(); // an open file would keep the disk mounted
      spawnSync('umount', [folder]);
    }
  });
});
