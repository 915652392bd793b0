import { blake3 as nobleBlake3 } from '@noble/hashes/blake3.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, u64be, utf8 } from '../bytes.ts';
import { describeContent, TreeBuilder } from './index.ts';

/** The definition, word for word and from the top: recursive, another BLAKE3, no incremental state. */
function naiveRoot(bytes: Uint8Array): Uint8Array {
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 1024) {
    leaves.push(nobleBlake3(bytes.subarray(at, at + 1024)));
  }
  const over = (hashes: readonly Uint8Array[]): Uint8Array => {
    if (hashes.length === 1) return hashes[0]!;
    let left = 1;
    while (left * 2 < hashes.length) left *= 2;
    return nobleBlake3(
      concat(Uint8Array.of(1), over(hashes.slice(0, left)), over(hashes.slice(left))),
    );
  };
  return leaves.length === 0 ? nobleBlake3(new Uint8Array(0)) : over(leaves);
}

function naiveId(bytes: Uint8Array): Uint8Array {
  return nobleBlake3(
    concat(utf8('palisade/content/1'), u64be(BigInt(bytes.length)), naiveRoot(bytes)),
  );
}

/** Bytes that no two leaves share. */
function content(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed >>> 0;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function* cut(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (const length of lengths) {
    yield bytes.subarray(at, at + length);
    at += length;
  }
  yield bytes.subarray(at);
}

const MIB = 1024 * 1024;

describe('the content tree', () => {
  it.each([
    0,
    1,
    65,
    1023,
    1024,
    1025,
    2048,
    3 * 1024,
    MIB - 1024,
    MIB - 1,
    MIB,
    MIB + 1,
    2 * MIB + 3 * 1024 + 5,
  ])('names %i bytes as the definition does', (size) => {
    const bytes = content(size);
    const described = describeContent([bytes]);
    expect(described.contentId).toEqual(naiveId(bytes));
    expect(described.size).toBe(size);
    const groups = [];
    for (let at = 0; at < size; at += MIB) groups.push(naiveRoot(bytes.subarray(at, at + MIB)));
    expect(described.roots).toEqual(concat(...groups));
  });

  it('gives the same id however the bytes are cut into chunks', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 4000 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40_000 }), cuts, (size, lengths) => {
        const bytes = content(size, size);
        const builder = new TreeBuilder();
        for (const chunk of cut(bytes, lengths)) builder.push(chunk);
        expect(builder.finish().contentId).toEqual(naiveId(bytes));
      }),
      { numRuns: 60 },
    );
  });

  it('gives out group roots as groups end, so that an outline needs no second pass', () => {
    const seen: number[] = [];
    const builder = new TreeBuilder((_root, index) => seen.push(index));
    builder.push(content(MIB - 1));
    expect(seen).toEqual([]);
    builder.push(content(1 + MIB + 10));
    expect(seen).toEqual([0, 1]);
    builder.finish();
    expect(seen).toEqual([0, 1, 2]);
  });

  it('binds the size: a content of one leaf and its own hash as content have different ids', () => {
    const one = content(65);
    expect(describeContent([one]).contentId).not.toEqual(
      describeContent([concat(one, Uint8Array.of(0))]).contentId,
    );
  });

  it('refuses to go on after its id has been given out', () => {
    const builder = new TreeBuilder();
    builder.finish();
    expect(() => builder.push(Uint8Array.of(1))).toThrow(/finished/);
    expect(() => builder.finish()).toThrow(/finished/);
  });
});
