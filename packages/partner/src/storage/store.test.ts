import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { concat, equalBytes, openOutline, toHex } from '@palisade/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  bytesOf,
  collect,
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
afterEach(() => bench.clear());

describe('a content', () => {
  it.each([0, 1, 1023, 1024, 1025, MIB - 1, MIB, MIB + 1, 3 * MIB + 7])(
    'of %i bytes comes back as it was, and with its outline, also from a store opened anew',
    async (size) => {
      const folder = await bench.folder();
      const content = contentOf(size);
      const first = await bench.open(folder);
      await put(first, content);
      await first.close();
      const store = await bench.open(folder);
      expect(await holds(store, content)).toBe(true);
      const outline = granted(await store.outline(content.contentId));
      expect(openOutline(content.contentId, size, outline.roots)).toBeDefined();
      expect(store.list()).toMatchObject([{ size, damage: undefined }]);
      expect(store.usage()).toMatchObject({ contents: 1, openUploads: 0 });
    },
  );

  it('is read from any byte to any other', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(2 * MIB + 9);
    await put(store, content);
    const ends = fc.tuple(fc.nat(content.size), fc.nat(content.size));
    await fc.assert(
      fc.asyncProperty(ends, async ([a, b]) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const read = await collect(granted(await store.read(content.contentId, from, to)));
        expect(equalBytes(read, content.bytes.subarray(from, to))).toBe(true);
      }),
      { numRuns: 40 },
    );
    for (const [from, to] of [
      [-1, 5],
      [5, 4],
      [0, content.size + 1],
      [0.5, 4],
      [Number.NaN, 4],
    ] as const) {
      expect(refusalOf(await store.read(content.contentId, from, to))).toBe('storage/bad-range');
    }
  });

  it('that nobody stored is missing, whatever is asked of it', async () => {
    const store = await bench.open(await bench.folder());
    const { contentId } = contentOf(5);
    expect(refusalOf(await store.read(contentId, 0, 1))).toBe('storage/content-missing');
    expect(refusalOf(await store.outline(contentId))).toBe('storage/content-missing');
    expect(refusalOf(await store.prove(contentId, [0]))).toBe('storage/content-missing');
    expect(refusalOf(await store.append(contentId, 0, streamed(bytesOf(5))))).toBe(
      'storage/upload-unknown',
    );
    expect(refusalOf(await store.finish(contentId))).toBe('storage/upload-unknown');
  });
});

describe('an upload', () => {
  it('is refused at once when size or outline do not belong to the id', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(2 * MIB);
    const roots = content.roots.slice();
    roots[0]! ^= 1;
    for (const wrong of [{ roots }, { size: content.size - 1 }, { roots: roots.subarray(32) }]) {
      const begun = await store.beginUpload({ ...content, ...wrong, jobId: jobId(1) });
      expect(refusalOf(begun)).toBe('storage/bad-outline');
    }
    expect(store.usage().openUploads).toBe(0);
  });

  it('goes on where it stopped when the client went away in the middle of a group', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(3 * MIB);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    const part = streamed(content.bytes.subarray(0, 2 * MIB + 500_000));
    const progress = granted(await store.append(content.contentId, 0, part));
    expect(progress).toEqual({ received: 2 * MIB, size: 3 * MIB, stored: false });
    expect(refusalOf(await store.finish(content.contentId))).toBe('storage/upload-incomplete');
    await put(store, content);
    expect(await holds(store, content)).toBe(true);
  });

  it('keeps what came before a source that breaks', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(2 * MIB);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    async function* breaking() {
      yield content.bytes.subarray(0, MIB + 5);
      throw new Error('connection lost');
    }
    await expect(store.append(content.contentId, 0, breaking())).rejects.toThrow('connection lost');
    const begun = granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    expect(begun.received).toBe(MIB);
  });

  it('starts at group boundaries up to what is received and nowhere else', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(3 * MIB + 5);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    granted(await store.append(content.contentId, 0, streamed(content.bytes.subarray(0, 2 * MIB))));
    const odd = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(-MIB, 3 * MIB, 3 * MIB + 5));
    await fc.assert(
      fc.asyncProperty(odd, async (offset) => {
        const isStart = offset >= 0 && offset <= 2 * MIB && offset % MIB === 0;
        const outcome = await store.append(content.contentId, offset, streamed(new Uint8Array(0)));
        expect(outcome.ok ? 'ok' : outcome.refusal.code).toBe(
          isStart ? 'ok' : 'storage/wrong-offset',
        );
      }),
    );
    for (const offset of [0, MIB, 2 * MIB]) {
      const rest = streamed(content.bytes.subarray(offset, 2 * MIB));
      expect(granted(await store.append(content.contentId, offset, rest)).received).toBe(2 * MIB);
    }
  });

  it('does not fall back when a client sends again what is here', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(3 * MIB);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    granted(await store.append(content.contentId, 0, streamed(content.bytes.subarray(0, 2 * MIB))));
    const again = streamed(content.bytes.subarray(0, MIB));
    expect(granted(await store.append(content.contentId, 0, again)).received).toBe(2 * MIB);
  });

  it('never takes a wrong byte, and never a byte too many', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(2 * MIB + 100);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    for (const at of [0, MIB - 1, MIB, 2 * MIB + 99]) {
      const wrong = content.bytes.slice();
      wrong[at]! ^= 1;
      const outcome = await store.append(content.contentId, 0, streamed(wrong));
      expect(outcome).toMatchObject({
        ok: false,
        refusal: { code: 'storage/group-mismatch', data: { groupIndex: Math.floor(at / MIB) } },
      });
    }
    const long = streamed(concat(content.bytes, Uint8Array.of(0)));
    expect(refusalOf(await store.append(content.contentId, 0, long))).toBe('storage/too-long');
    granted(await store.finish(content.contentId));
    expect(await holds(store, content)).toBe(true);
  });

  it('asks its source for no more than the disk has taken', async () => {
    let letWrite = () => {};
    const gate = new Promise<void>((resolve) => {
      letWrite = resolve;
    });
    const diskHook = (step: string) => (step === 'write-group' ? gate : undefined);
    const store = await bench.open(await bench.folder(), { diskHook });
    const content = contentOf(8 * MIB);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    let asked = 0;
    async function* counting() {
      for await (const piece of streamed(content.bytes)) {
        asked += piece.length;
        yield piece;
      }
    }
    const upload = store.append(content.contentId, 0, counting());
    await expect.poll(() => asked).toBeGreaterThanOrEqual(MIB);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked).toBeLessThanOrEqual(2 * MIB + 65_536);
    letWrite();
    expect(granted(await upload).received).toBe(8 * MIB);
  });
});

describe('two clients with one content', () => {
  it('send it at the same time, and each helps the other', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(6 * MIB + 3);
    const client = async (job: number, piece: number) => {
      const begun = granted(await store.beginUpload({ ...content, jobId: jobId(job) }));
      const rest = streamed(content.bytes.subarray(begun.received), piece);
      granted(await store.append(content.contentId, begun.received, rest));
      return granted(await store.finish(content.contentId));
    };
    const finished = await Promise.all([client(1, 10_000), client(2, 300_000), client(3, 65_536)]);
    for (const progress of finished) expect(progress.stored).toBe(true);
    expect(await holds(store, content)).toBe(true);
    expect(store.list()[0]!.jobs).toHaveLength(3);
    expect(store.usage()).toMatchObject({ contents: 1, openUploads: 0 });
  });

  it('cannot spoil or hold up each other', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(3 * MIB);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    granted(await store.beginUpload({ ...content, jobId: jobId(2) }));
    let letGo = () => {};
    const stalled = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    async function* stalling() {
      yield content.bytes.subarray(0, 1000);
      await stalled;
    }
    const slow = store.append(content.contentId, 0, stalling());
    const liar = store.append(content.contentId, 0, streamed(bytesOf(3 * MIB, 99)));
    expect(refusalOf(await liar)).toBe('storage/group-mismatch');
    granted(await store.append(content.contentId, 0, streamed(content.bytes)));
    granted(await store.finish(content.contentId));
    letGo();
    expect(granted(await slow)).toMatchObject({ stored: true });
    expect(await holds(store, content)).toBe(true);
  });
});

describe('the jobs of a content', () => {
  it('keep it as long as one of them needs it, across restarts', async () => {
    const folder = await bench.folder();
    const content = contentOf(MIB + 1);
    const first = await bench.open(folder);
    await put(first, content, 1);
    await put(first, content, 2);
    const again = granted(await first.beginUpload({ ...content, jobId: jobId(3) }));
    expect(again).toEqual({ received: content.size, size: content.size, stored: true });
    expect(await first.release(content.contentId, jobId(1))).toBe(false);
    await first.close();

    const store = await bench.open(folder);
    expect(store.list()[0]!.jobs).toEqual([2, 3].map((job) => toHex(jobId(job)).slice(2)));
    expect(await store.release(content.contentId, jobId(9))).toBe(false);
    expect(await store.release(content.contentId, jobId(3))).toBe(false);
    expect(await holds(store, content)).toBe(true);
    expect(await store.release(content.contentId, jobId(2))).toBe(true);
    expect(store.list()).toEqual([]);
    expect(store.usage()).toMatchObject({ promisedBytes: 0, contents: 0 });
    expect(await readdir(join(folder, 'trash'))).toEqual([]);
    await put(store, content, 4);
    expect(await holds(store, content)).toBe(true);
  });

  it('may be none after a hand has been at the files; then any release lets the content go', async () => {
    const folder = await bench.folder();
    const content = contentOf(10);
    await put(await bench.open(folder), content);
    const hex = toHex(content.contentId).slice(2);
    await rm(join(folder, 'contents', hex.slice(0, 2), hex, 'jobs'), { recursive: true });
    const store = await bench.open(folder);
    expect(store.list()).toMatchObject([{ jobs: [] }]);
    expect(await store.release(content.contentId, jobId(1))).toBe(true);
    expect(store.list()).toEqual([]);
  });

  it('give up an upload too, and a content can be deleted whoever needs it', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(MIB);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    expect(await store.release(content.contentId, jobId(1))).toBe(true);
    expect(store.usage()).toMatchObject({ promisedBytes: 0, openUploads: 0 });
    await put(store, content, 1);
    await put(store, content, 2);
    await store.delete(content.contentId);
    expect(store.usage()).toMatchObject({ promisedBytes: 0, contents: 0 });
  });
});

describe('open uploads', () => {
  it('are limited in number, and joining one counts once', async () => {
    const store = await bench.open(await bench.folder(), { maxOpenUploads: 3 });
    const begin = (seed: number, job = 1) =>
      store.beginUpload({ ...contentOf(2000, seed), jobId: jobId(job) });
    const begun = await Promise.all([1, 2, 3, 4, 5].map((seed) => begin(seed)));
    expect(begun.filter((outcome) => outcome.ok)).toHaveLength(3);
    expect(refusalOf(await begin(6))).toBe('storage/too-many-uploads');
    expect((await begin(1, 2)).ok).toBe(true);
    await put(store, contentOf(2000, 1));
    expect((await begin(6)).ok).toBe(true);
  });

  it('expire when they have not grown for a day, and give their room back', async () => {
    const store = await bench.open(await bench.folder());
    const [stale, growing] = [contentOf(2 * MIB, 1), contentOf(2 * MIB, 2)];
    for (const content of [stale, growing]) {
      granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    }
    bench.nowMs += 86_399_999;
    expect(await store.expireUploads()).toEqual([]);
    granted(await store.append(growing.contentId, 0, streamed(growing.bytes.subarray(0, MIB))));
    bench.nowMs += 1;
    expect(await store.expireUploads()).toEqual([stale.contentId]);
    expect(store.usage().openUploads).toBe(1);
    expect(refusalOf(await store.append(stale.contentId, 0, streamed(stale.bytes)))).toBe(
      'storage/upload-unknown',
    );
    await put(store, growing);
    await put(store, stale);
    expect(await holds(store, growing)).toBe(true);
    expect(await holds(store, stale)).toBe(true);
  });

  it('take a limited number of streams at a time', async () => {
    const store = await bench.open(await bench.folder());
    const content = contentOf(MIB);
    granted(await store.beginUpload({ ...content, jobId: jobId(1) }));
    let letGo = () => {};
    const stalled = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    async function* stalling(): AsyncGenerator<Uint8Array> {
      await stalled;
      yield new Uint8Array(0);
    }
    const streams = Array.from({ length: 32 }, () =>
      store.append(content.contentId, 0, stalling()),
    );
    const oneMore = await store.append(content.contentId, 0, streamed(content.bytes));
    expect(refusalOf(oneMore)).toBe('storage/too-many-uploads');
    letGo();
    await Promise.all(streams);
    granted(await store.append(content.contentId, 0, streamed(content.bytes)));
  });
});
