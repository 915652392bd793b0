import { readFileSync } from 'node:fs';
import { concat, describeContent, equalBytes, fromHex, GROUP_BYTES, toHex } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkedGroups,
  describeStream,
  type FileKey,
  formatShare,
  type Manifest,
  open,
  openFrom,
  parseShare,
  plainFileSize,
  prepareSealing,
  seal,
  sealedSize,
  writePlain,
} from './index.ts';

const owner: FileKey = { ownerSecret: new Uint8Array(32).fill(7) };
const vectorFile = new URL('../../../../spec/vectors/content.json', import.meta.url);
const vectors = JSON.parse(readFileSync(vectorFile, 'utf8'));
const SEGMENT = 2 ** 18;
const pattern = (size: number) => Uint8Array.from({ length: size }, (_, i) => i % 251);
const fileOf = (size: number): Manifest => ({ name: 'plan.txt', kind: 'file', size });

async function* stream(bytes: Uint8Array, piece = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

async function* flat(groups: AsyncIterable<readonly Uint8Array[]>): AsyncGenerator<Uint8Array> {
  for await (const parts of groups) yield* parts;
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return concat(...chunks);
}

const sealBytes = (bytes: Uint8Array) => collect(seal(stream(bytes), fileOf(bytes.length), owner));

async function openBytes(content: Uint8Array, key?: FileKey, piece?: number): Promise<Uint8Array> {
  return collect((await open(stream(content, piece), key)).bytes);
}

/** vitest compares large arrays element by element, which takes seconds; their bytes decide here. */
function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.length).toBe(expected.length);
  expect(equalBytes(actual, expected)).toBe(true);
}

const refusedWith = (code: string) => expect.objectContaining({ code });

describe('a sealed file', () => {
  it.each([
    0,
    1,
    20,
    SEGMENT - 1024 - 1,
    SEGMENT - 1024,
    SEGMENT - 1024 + 1,
    2 * SEGMENT - 1024,
    3 * SEGMENT + 5,
  ])('of %i bytes comes back byte for byte and has the announced size', async (size) => {
    const bytes = pattern(size);
    const sealed = await sealBytes(bytes);
    expect(sealed.length).toBe(sealedSize(size));
    const opened = await open(stream(sealed), owner);
    expect(opened.manifest).toEqual(fileOf(size));
    expectSame(await collect(opened.bytes), bytes);
  });

  it('does not depend on how the streams are cut', async () => {
    const piece = fc.integer({ min: 1, max: 400_000 });
    await fc.assert(
      fc.asyncProperty(fc.nat(600_000), piece, piece, async (size, cutIn, cutOut) => {
        const bytes = pattern(size);
        const source = stream(bytes, Math.max(cutIn, size >> 10));
        const sealed = await collect(seal(source, fileOf(size), owner));
        const cut = Math.max(cutOut, sealed.length >> 10);
        expectSame(await openBytes(sealed, owner, cut), bytes);
      }),
      { numRuns: 25 },
    );
  });

  it('opens again from any byte, reading from the segment that holds it', async () => {
    const bytes = pattern(3 * SEGMENT + 5);
    const sealed = await sealBytes(bytes);
    const edges = [0, 1, SEGMENT - 1024, 2 * SEGMENT - 1025, bytes.length - 1, bytes.length];
    const anywhere = Array.from({ length: 12 }, (_, i) => (i * 7_919_117) % bytes.length);
    for (const from of [...edges, ...anywhere]) {
      const asked: number[] = [];
      const readFrom = (offset: number) => {
        asked.push(offset);
        return stream(sealed.subarray(offset));
      };
      const opened = await openFrom(readFrom, owner, from);
      expectSame(await collect(opened.bytes), bytes.subarray(from));
      const segment = Math.floor(Math.min(1024 + from, 1024 + bytes.length - 1) / SEGMENT);
      expect(asked).toEqual(segment === 0 ? [0] : [0, 72 + segment * (SEGMENT + 16)]);
    }
    const beyond = openFrom((at) => stream(sealed.subarray(at)), owner, bytes.length + 1);
    await expect(beyond).rejects.toEqual(refusedWith('content/size-mismatch'));
  });

  it('looks different every time, and lets go of its source when the reader stops', async () => {
    const bytes = pattern(100);
    const [once, again] = [await sealBytes(bytes), await sealBytes(bytes)];
    expect(toHex(once)).not.toBe(toHex(again));
    let closed = false;
    async function* source() {
      try {
        yield* stream(once);
      } finally {
        closed = true;
      }
    }
    const opened = await open(source(), owner);
    await opened.close();
    expect(closed).toBe(true);
  });

  it('hides the length of the name', () => {
    expect(sealedSize(10)).toBe(72 + 1024 + 10 + 16);
  });
});

describe('a sealed file that was tampered with', () => {
  const bytes = pattern(3 * SEGMENT);
  const sealing = prepareSealing(fileOf(bytes.length), owner);
  const sealed = sealing.then((ready) => collect(ready.seal(stream(bytes))));
  const segment = (all: Uint8Array, index: number) =>
    all.subarray(72 + index * (SEGMENT + 16), 72 + (index + 1) * (SEGMENT + 16));

  it('does not open when any bit was changed', async () => {
    const good = await sealed;
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(7), async (at, bit) => {
        const bad = good.slice();
        bad[at]! ^= 1 << bit;
        await expect(openBytes(bad, owner)).rejects.toThrow();
      }),
      { numRuns: 40 },
    );
    for (let at = 0; at < 72; at++) {
      const bad = good.slice();
      bad[at]! ^= 1;
      await expect(openBytes(bad, owner)).rejects.toThrow();
    }
  });

  it('does not open when cut off, at a segment or anywhere', async () => {
    const good = await sealed;
    const boundaries = [1, 2, 3].map((count) => 72 + count * (SEGMENT + 16));
    for (const end of [...boundaries, 0, 5, 8, 50, 72, 90, 1000, good.length - 1]) {
      await expect(openBytes(good.subarray(0, end), owner)).rejects.toThrow();
    }
  });

  it('does not open with a segment missing, repeated, moved or added', async () => {
    const good = await sealed;
    const [head, first, second] = [good.subarray(0, 72), segment(good, 0), segment(good, 1)];
    const [third, last] = [segment(good, 2), segment(good, 3)];
    const orders = [
      [first, third, last],
      [first, second, second, third, last],
      [first, third, second, last],
      [second, first, third, last],
      [first, second, third, last, last],
      [first, second, third, last, Uint8Array.of(0)],
    ];
    for (const order of orders) {
      await expect(openBytes(concat(head, ...order), owner)).rejects.toEqual(
        refusedWith('content/damaged'),
      );
    }
    expectSame(await openBytes(concat(head, first, second, third, last), owner), bytes);
  });

  it('does not take segments of another file of the same owner', async () => {
    const good = await sealed;
    const other = await sealBytes(bytes);
    const mixed = concat(good.subarray(0, 72), segment(other, 0), good.subarray(72 + SEGMENT + 16));
    await expect(openBytes(mixed, owner)).rejects.toEqual(refusedWith('content/damaged'));
  });

  it('tells a wrong key from damage, and asks for a key where one is needed', async () => {
    const good = await sealed;
    const stranger = { ownerSecret: new Uint8Array(32).fill(8) };
    await expect(openBytes(good, stranger)).rejects.toEqual(refusedWith('content/wrong-key'));
    await expect(openBytes(good)).rejects.toEqual(refusedWith('content/key-needed'));
    const short = { ownerSecret: new Uint8Array(31) };
    await expect(openBytes(good, short)).rejects.toEqual(refusedWith('content/bad-key'));
    const { contentKey } = await sealing;
    expectSame(await openBytes(good, { contentKey }), bytes);
  });
});

describe('the source of a file', () => {
  it.each([-1, 1])('is refused when it has %i bytes more than announced', async (more) => {
    const announced = fileOf(500_000);
    const sealed = collect(seal(stream(pattern(500_000 + more)), announced, owner));
    await expect(sealed).rejects.toEqual(refusedWith('content/size-mismatch'));
    const plain = collect(writePlain(stream(pattern(500_000 + more)), announced));
    await expect(plain).rejects.toEqual(refusedWith('content/size-mismatch'));
  });

  it('may be sent a second time only as it was: a change is noticed before its group leaves', async () => {
    const bytes = pattern(3 * GROUP_BYTES);
    const sealing = await prepareSealing(fileOf(bytes.length), owner);
    const outline = await describeStream(sealing.seal(stream(bytes)));
    expect(outline.size).toBe(sealing.size);
    const again = await prepareSealing(fileOf(bytes.length), owner, sealing.salt);
    const sent = await collect(flat(checkedGroups(outline, again.seal(stream(bytes)))));
    expect(describeContent([sent]).contentId).toEqual(outline.contentId);

    const changed = bytes.slice();
    changed[2 * GROUP_BYTES]! ^= 1;
    const groups: Uint8Array[] = [];
    const send = async () => {
      const content = again.seal(stream(changed));
      for await (const parts of checkedGroups(outline, content)) groups.push(concat(...parts));
    };
    await expect(send()).rejects.toEqual(refusedWith('content/group-mismatch'));
    expectSame(concat(...groups), sent.subarray(0, groups.length * GROUP_BYTES));
    expect(groups.length).toBe(2);
  });

  it('is read back from any group on, and a partner that sends more or less is noticed', async () => {
    const bytes = pattern(2 * GROUP_BYTES + 9);
    const outline = describeContent([bytes]);
    const rest = await collect(
      flat(checkedGroups(outline, stream(bytes.subarray(GROUP_BYTES)), 1)),
    );
    expectSame(rest, bytes.subarray(GROUP_BYTES));
    for (const wrong of [
      bytes.subarray(1),
      concat(bytes, Uint8Array.of(1)),
      bytes.subarray(0, 9),
    ]) {
      await expect(collect(flat(checkedGroups(outline, stream(wrong))))).rejects.toEqual(
        refusedWith('content/group-mismatch'),
      );
    }
  });
});

describe('a plain file', () => {
  it('carries the same manifest, needs no key, and opens from any byte', async () => {
    const bytes = pattern(700_000);
    const manifest: Manifest = { name: 'site', kind: 'directory', size: 700_000, mtime: 5 };
    const content = await collect(writePlain(stream(bytes), manifest));
    expect(content.length).toBe(plainFileSize(bytes.length));
    expect((await open(stream(content))).manifest).toEqual(manifest);
    expectSame(await openBytes(content), bytes);
    for (const from of [1, 261_119, 261_120, 261_121, 699_999, 700_000]) {
      const opened = await openFrom((at) => stream(content.subarray(at)), undefined, from);
      expectSame(await collect(opened.bytes), bytes.subarray(from));
    }
    for (const cut of [content.subarray(0, -1), content.subarray(0, 500)]) {
      await expect(openBytes(cut)).rejects.toThrow();
    }
    await expect(openBytes(concat(content, Uint8Array.of(0)))).rejects.toEqual(
      refusedWith('content/size-mismatch'),
    );
  });
});

describe('a manifest', () => {
  it.each(['', '.', '..', 'a/b', '/etc', 'a\\b', 'a\0b', 'a\nb', '\ud800', 'x'.repeat(256)])(
    'refuses the name %j',
    async (name) => {
      const manifest: Manifest = { name, kind: 'file', size: 0 };
      await expect(collect(writePlain(stream(pattern(0)), manifest))).rejects.toEqual(
        refusedWith('content/bad-manifest'),
      );
    },
  );

  it.each([
    '{"name":"a","kind":"file","size":-1}',
    '{"name":"a","kind":"file","size":1.5}',
    '{"name":"a","kind":"link","size":1}',
    '{"name":"../a","kind":"file","size":1}',
    '{"name":"a","kind":"file","size":1,"mtime":"x"}',
    '{"name":"a","kind":"file","size":1,"more":1}',
    '{"name":"a","kind":"file"',
    'null',
    '[]',
  ])('is refused when it reads %s', async (json) => {
    const block = new Uint8Array(1024);
    block[1] = json.length;
    block.set(Buffer.from(json), 2);
    const content = concat(Uint8Array.of(0x50, 0x4c, 0x53, 0x44, 1, 0, 0, 0), block);
    await expect(open(stream(content))).rejects.toEqual(refusedWith('content/bad-manifest'));
  });

  it('takes the names that people use', async () => {
    for (const name of ['Ünï cødé 🎉.tar.gz', '.hidden', "it's", 'x'.repeat(255)]) {
      const manifest: Manifest = { name, kind: 'file', size: 0 };
      const content = await collect(seal(stream(pattern(0)), manifest, owner));
      expect((await open(stream(content), owner)).manifest).toEqual(manifest);
    }
  });
});

describe('bytes that are no stored file', () => {
  it('are refused for what they are', async () => {
    const good = await sealBytes(pattern(5));
    const patched = (at: number, value: number) => {
      const bad = good.slice();
      bad[at] = value;
      return bad;
    };
    const cases: [Uint8Array, string][] = [
      [pattern(0), 'content/not-a-file'],
      [pattern(2000), 'content/not-a-file'],
      [patched(4, 2), 'content/unknown-version'],
      [patched(5, 2), 'content/not-a-file'],
      [patched(6, 40), 'content/not-a-file'],
      [patched(7, 1), 'content/not-a-file'],
      [good.subarray(0, 71), 'content/not-a-file'],
      [patched(6, 17), 'content/wrong-key'],
    ];
    for (const [bytes, code] of cases) {
      await expect(openBytes(bytes, owner)).rejects.toEqual(refusedWith(code));
    }
  });

  it('are refused when a size could not be stored', () => {
    for (const size of [-1, 0.5, 2 ** 38, Number.NaN]) {
      expect(() => sealedSize(size)).toThrow(/cannot be one content/);
      expect(() => plainFileSize(size)).toThrow(/cannot be one content/);
    }
  });
});

describe('a share string', () => {
  it('comes back as it was, for every job and key', () => {
    const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(bytes32, bytes32, (jobId, contentKey) => {
        const share = parseShare(` ${formatShare({ jobId, contentKey })}\n`);
        expect(share).toEqual({ jobId, contentKey });
      }),
    );
  });

  it('is refused with any character changed, and the refusal does not repeat the secret', () => {
    const text: string = vectors.share.text;
    for (let at = 0; at < text.length; at++) {
      const bad = text.slice(0, at) + (text[at] === '1' ? '2' : '1') + text.slice(at + 1);
      expect(() => parseShare(bad)).toThrow(refusedWith('content/bad-share'));
    }
    expect(() => parseShare(text.slice(0, -1))).toThrow(/^(?!.*[A-Za-z0-9_-]{40})/);
  });
});

describe('the published vectors', () => {
  it.each<{ manifest: Manifest } & Record<string, string>>(vectors.sealing.files)(
    'seal $manifest.size bytes',
    async ({ manifest, contentKey, header, sealed, sealedSize: size, contentId }) => {
      const key = { ownerSecret: fromHex(vectors.sealing.ownerSecret) };
      const sealing = await prepareSealing(manifest, key, fromHex(vectors.sealing.salt));
      const content = await collect(sealing.seal(stream(pattern(manifest.size))));
      expect(toHex(sealing.contentKey)).toBe(`0x${contentKey}`);
      expect(content.length).toBe(size);
      expect(toHex(content.subarray(0, 72))).toBe(`0x${header}`);
      if (sealed !== undefined) expect(toHex(content)).toBe(`0x${sealed}`);
      expect(toHex(describeContent([content]).contentId)).toBe(`0x${contentId}`);
    },
  );

  it('share a file', () => {
    const { jobId, contentKey, text } = vectors.share;
    const share = { jobId: fromHex(jobId), contentKey: fromHex(contentKey) };
    expect(formatShare(share)).toBe(text);
    expect(parseShare(text)).toEqual(share);
  });
});
