import { readFileSync } from 'node:fs';
import { fromHex, MemoryStore, toBinaryString, toHex, type Write } from '@palisade/core';
import { merkleRoot } from '@palisade/formats';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../state/sorted-keys.ts';
import { encodeEntry, splitChunk, stateAfter } from './entries.ts';
import { MemorySnapshots } from './snapshot-store.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import { LEAST_SLICE, NO_CHANGES, StateImage } from './state-image.ts';

/** Keys on both sides of `meta/`, next to it, and prefixes of one another. */
const KEYS = [
  ...['a', 'a/', 'a/\0', 'a/\xff', 'b/x', 'm', 'meta', 'meta.', 'meta0', 'meta0/\0'],
  ...['metb', 'z', 'z/\xff\xff', '\0', 'chain/session/\0\0\0\0', 'me\0'],
];
const START = { height: 5n, timeMs: 1000n, sessionMs: 10_000n, estimate: 0n };

/** The model: a plain copy. Its root is the definition of the full root. */
type Copy = ReadonlyMap<string, Uint8Array>;
const naiveEntries = (copy: Copy) =>
  [...copy].sort(([a], [b]) => compareKeys(a, b)).map((entry) => encodeEntry(entry));
const naiveRoot = (copy: Copy) => new Uint8Array(merkleRoot(naiveEntries(copy)));

const value = fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined });
const changes = fc.dictionary(fc.constantFrom(...KEYS), value, { noNullPrototype: true });
const block = fc.record({
  changes,
  slice: fc.integer({ min: 0, max: 5 }),
  restart: fc.boolean(),
  boundary: fc.boolean(),
  /** The process dies before the commit, and the block is executed again. */
  dies: fc.boolean(),
});

class Harness {
  readonly store = new MemoryStore();
  copy = new Map<string, Uint8Array>();
  asOf: Copy = new Map();
  image: StateImage | undefined;

  async commit(list: Readonly<Record<string, Uint8Array | undefined>>, image: readonly Write[]) {
    const writes = sorted(list);
    await this.store.commit([...writes, ...image]);
    for (const [key, bytes] of writes)
      if (bytes === undefined) this.copy.delete(key);
      else this.copy.set(key, bytes);
  }

  async begin(list: Readonly<Record<string, Uint8Array | undefined>>): Promise<void> {
    const next = StateImage.begin(this.store, START);
    await this.commit(list, [...(this.image?.removals() ?? []), ...next.writes([], NO_CHANGES)]);
    next.committed();
    this.image = next;
    this.asOf = new Map(this.copy);
  }

  before(key: string): Uint8Array | undefined {
    return this.copy.get(key);
  }

  restart(): void {
    this.image = StateImage.load(this.store);
  }
}

const sorted = (list: Readonly<Record<string, Uint8Array | undefined>>): Write[] =>
  Object.entries(list).sort(([a], [b]) => compareKeys(a, b));

describe('the image of the state', () => {
  it('[APP] has the root of a copy as of its block, whatever changes meanwhile and wherever it is cut', async () => {
    const story = fc.asyncProperty(
      changes,
      fc.array(block, { maxLength: 30 }),
      async (genesis, blocks) => {
        const chain = new Harness();
        await chain.begin(genesis);
        for (const { changes, slice, restart, boundary, dies } of blocks) {
          if (dies) {
            await chain.image!.advance(slice + 1);
            chain.restart();
          }
          if (boundary) {
            expect(await chain.image!.finish()).toEqual(naiveRoot(chain.asOf));
            await chain.begin(changes);
          } else {
            await chain.image!.advance(slice);
            await chain.commit(changes, chain.image!.writes(sorted(changes), chain));
            chain.image!.committed();
          }
          if (restart) chain.restart();
        }
        expect(await chain.image!.finish()).toEqual(naiveRoot(chain.asOf));
        await chain.begin({});
        const notes = [...chain.store.range('meta/image/', 'meta/image0')];
        expect(notes).toEqual([]);
      },
    );
    await fc.assert(story, { numRuns: 500 });
  });

  it('[APP] makes a snapshot of the very entries that the root is over', async () => {
    const chain = new Harness();
    const snapshots = new MemorySnapshots();
    const big = new Uint8Array(400_000).fill(7);
    const genesis = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`a/${i}`, big]));
    await chain.begin(genesis);
    const writer = new SnapshotWriter(snapshots, {
      ...{ height: 5n, timeMs: 1n, chainId: 'test', roots: [] },
      genesisHash: new Uint8Array(32),
    });
    const image = StateImage.begin(chain.store, START, writer);
    const root = await image.finish();
    const [snapshot] = await snapshots.list();
    expect(snapshot).toMatchObject({ height: 5n, format: 1, chunks: 3, hash: root });
    const leaves: Uint8Array[] = [];
    for (let i = 0; i < snapshot!.chunks; i++)
      for (const [, bytes] of splitChunk((await snapshots.load(5n, 1, i))!)!) leaves.push(bytes);
    expect(Buffer.concat(leaves).equals(Buffer.concat(naiveEntries(chain.copy)))).toBe(true);
  });

  it('goes on without the snapshot when the disk refuses it', async () => {
    const chain = new Harness();
    await chain.begin({ 'a/1': Uint8Array.of(1) });
    const reasons: unknown[] = [];
    const full = Object.assign(new MemorySnapshots(), {
      appendChunk: async () => Promise.reject(new Error('no space left')),
      discard: async (reason: unknown) => void reasons.push(reason),
    });
    const writer = new SnapshotWriter(full, {
      ...{ height: 5n, timeMs: 1n, chainId: 'test', roots: [] },
      genesisHash: new Uint8Array(32),
    });
    const image = StateImage.begin(chain.store, START, writer);
    expect(await image.finish()).toEqual(naiveRoot(chain.copy));
    expect(await full.list()).toEqual([]);
    expect(reasons).toEqual([new Error('no space left')]);
  });

  it('takes slices that end with 80 % of the session, and never tiny ones', () => {
    const store = new MemoryStore();
    const image = StateImage.begin(store, { ...START, estimate: 80_000n });
    expect(image.sliceAt(1000n)).toBe(LEAST_SLICE);
    expect(image.sliceAt(1000n + 4000n)).toBe(40_000);
    expect(image.sliceAt(1000n + 8000n)).toBe(80_000);
    const small = StateImage.begin(store, START);
    expect(small.sliceAt(9999n)).toBe(LEAST_SLICE);
  });
});

describe('entries of a chunk', () => {
  it('come back as they were, and a chunk that was cut has none', () => {
    const key = fc.array(fc.nat(255)).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.uint8Array()), { minLength: 1 }), (entries) => {
        const chunk = Buffer.concat(entries.map((entry) => encodeEntry(entry)));
        expect(splitChunk(chunk)!.map(([entry]) => [entry[0], Buffer.from(entry[1])])).toEqual(
          entries.map(([name, bytes]) => [name, Buffer.from(bytes)]),
        );
        expect(splitChunk(chunk.subarray(0, -1))).toBeUndefined();
      }),
    );
  });
});

describe('spec/vectors/state-image.json', () => {
  const path = new URL('../../../../spec/vectors/state-image.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly cases: readonly {
      readonly entries: readonly (readonly [key: string, value: string])[];
      readonly leaves: readonly string[];
      readonly fullRoot: string;
    }[];
  };

  it.each(cases)('[APP] the full root $fullRoot', async ({ entries, leaves, fullRoot }) => {
    const store = new MemoryStore();
    await store.commit(
      entries.map(([key, value]) => [toBinaryString(fromHex(key)), fromHex(value)] as const),
    );
    expect([...stateAfter(store, '')].map((entry) => toHex(encodeEntry(entry)))).toEqual(leaves);
    expect(toHex(await StateImage.begin(store, START).finish())).toBe(fullRoot);
  });
});
