import { open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditProof, leafCount, sampleLeaves, toHex, verifyLeaf } from '@palisade/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  contentOf,
  granted,
  holds,
  jobId,
  MIB,
  put,
  refusalOf,
  type TestContent,
  Workbench,
} from './testing/builders.ts';

const bench = new Workbench();
afterEach(() => bench.clear());

const content = contentOf(3 * MIB + 5000);
const leaves = leafCount(content.size);

async function filledStore() {
  const folder = await bench.folder();
  const store = await bench.open(folder);
  await put(store, content);
  const hex = toHex(content.contentId).slice(2);
  const home = join(folder, 'contents', hex.slice(0, 2), hex);
  return { folder, store, data: join(home, 'data'), outline: join(home, 'outline') };
}

const verifies = ({ contentId, size }: TestContent) => {
  return (proof: AuditProof) => verifyLeaf(contentId, size, proof);
};

async function flipBit(path: string, at: number, bit = 0): Promise<void> {
  const file = await open(path, 'r+');
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, at);
  byte[0]! ^= 1 << bit;
  await file.write(byte, 0, 1, at);
  await file.close();
}

describe('an audit of a stored content', () => {
  it('is answered with proofs that hold, in the order asked, repeats included', async () => {
    const { store } = await filledStore();
    const drawn = sampleLeaves(jobId(1), jobId(2), jobId(3), content.size, 60);
    const asked = [...drawn, drawn[0]!, leaves - 1, 0];
    const proofs = granted(await store.prove(content.contentId, asked));
    expect(proofs.map((proof) => proof.leafIndex)).toEqual(asked);
    expect(proofs.every(verifies(content))).toBe(true);
  });

  it('reads one group per leaf at most, also when leaves share a group', async () => {
    const { store } = await filledStore();
    const proofs = granted(await store.prove(content.contentId, [5, 1024, 6, 1025, 7]));
    expect(proofs.map((proof) => proof.leafIndex)).toEqual([5, 1024, 6, 1025, 7]);
    expect(proofs.every(verifies(content))).toBe(true);
  });

  it('finds any flipped bit of a group it asks from, says where, and gives no proof', async () => {
    const { store, data } = await filledStore();
    const damage = fc.tuple(fc.nat(content.size - 1), fc.nat(7));
    await fc.assert(
      fc.asyncProperty(damage, async ([at, bit]) => {
        await flipBit(data, at, bit);
        const groupIndex = Math.floor(at / MIB);
        const leaf = Math.floor(at / 1024);
        expect(await store.prove(content.contentId, [leaf])).toMatchObject({
          ok: false,
          refusal: { code: 'storage/leaf-damaged', data: { leafIndex: leaf, groupIndex } },
        });
        const elsewhere = (groupIndex + 1) % 4;
        const intact = granted(await store.prove(content.contentId, [elsewhere * 1024]));
        expect(intact.every(verifies(content))).toBe(true);
        await flipBit(data, at, bit);
      }),
      { numRuns: 30 },
    );
    granted(await store.prove(content.contentId, [0, leaves - 1]));
  });

  it('names what it found: a file cut off, a file gone, a file of another length at start', async () => {
    const { folder, store, data } = await filledStore();
    await truncate(data, 2 * MIB + 10);
    const short = await store.prove(content.contentId, [0, 2048]);
    expect(short).toMatchObject({
      ok: false,
      refusal: {
        code: 'storage/leaf-damaged',
        data: {
          leafIndex: 2048,
          found: `the file ends at byte ${2 * MIB + 10} of ${content.size}`,
        },
      },
    });
    const beyond = await store.read(content.contentId, 0, content.size);
    expect(refusalOf(beyond)).toBe('storage/content-damaged');
    granted(await store.read(content.contentId, 0, 2 * MIB));
    const reopened = await bench.open(folder);
    expect(reopened.list()[0]!.damage!.code).toBe('storage/content-damaged');

    await rm(data);
    expect(refusalOf(await store.prove(content.contentId, [0]))).toBe('storage/content-missing');
    expect(refusalOf(await store.read(content.contentId, 0, 1))).toBe('storage/content-missing');
    const again = await bench.open(folder);
    expect(again.list()[0]!.damage!.code).toBe('storage/content-missing');
  });

  it('refuses leaves that do not exist and more than a sample', async () => {
    const { store } = await filledStore();
    for (const asked of [[leaves], [-1], [0.5], [Number.NaN], new Array(1025).fill(0)]) {
      expect(refusalOf(await store.prove(content.contentId, asked))).toBe('storage/bad-leaf');
    }
    expect(granted(await store.prove(content.contentId, []))).toEqual([]);
  });
});

describe('a damaged content', () => {
  it('makes a lost or wrong outline anew from its data', async () => {
    const { folder, store, outline } = await filledStore();
    for (const harm of [
      () => rm(outline),
      () => flipBit(outline, 3),
      () => flipBit(outline, 20),
      () => writeFile(outline, 'short'),
    ]) {
      await harm();
      const opened = await bench.open(folder);
      expect(opened.list()[0]).toMatchObject({ size: content.size, damage: undefined });
      const proofs = granted(await opened.prove(content.contentId, [1]));
      expect(proofs.every(verifies(content))).toBe(true);
    }
    expect(granted(await store.outline(content.contentId)).roots).toEqual(content.roots);
  });

  it('says so when data and outline are both wrong', async () => {
    const { store, data, outline } = await filledStore();
    await flipBit(data, 5);
    await rm(outline);
    expect(refusalOf(await store.prove(content.contentId, [2000]))).toBe('storage/content-damaged');
    expect(refusalOf(await store.outline(content.contentId))).toBe('storage/content-damaged');
  });

  it('is healed by storing it again, and keeps its jobs', async () => {
    const { folder, store, data } = await filledStore();
    await put(store, content, 7);
    await flipBit(data, 5);
    refusalOf(await store.prove(content.contentId, [0]));
    const begun = granted(await store.beginUpload({ ...content, jobId: jobId(8) }));
    expect(begun).toMatchObject({ received: 0, stored: false });
    await put(store, content, 8);
    expect(await holds(store, content)).toBe(true);
    const healed = store.list()[0]!;
    expect(healed.damage).toBeUndefined();
    expect(healed.jobs).toHaveLength(3);
    const reopened = await bench.open(folder);
    expect(reopened.list()[0]!.jobs).toHaveLength(3);
    expect(reopened.usage()).toEqual(store.usage());
    granted(await reopened.prove(content.contentId, [0, 1024, leaves - 1]));
  });
});
