import { encode, MemoryStore, record, text, u8, u16, u64 } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collection } from './collection.ts';
import { afterPrefix, bytesKey, indexKey, nameKey, u64Key } from './keys.ts';
import { Overlay } from './overlay.ts';

const scores = collection({
  store: 'test',
  name: 'score',
  key: [u64Key, bytesKey(2)],
  value: u64,
});
const names = collection({ store: 'test', name: 'name', key: [bytesKey(1), nameKey], value: u8 });

function emptyState(): Overlay {
  return new Overlay(new MemoryStore());
}

describe('a collection', () => {
  it('keeps numbers in keys in the order of numbers, up to the largest', () => {
    const state = emptyState();
    const heights = [0n, 1n, 255n, 256n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n];
    for (const height of [...heights].reverse())
      scores.set(state, [height, Uint8Array.of(1, 2)], height);
    expect([...scores.list(state)].map(([[height]]) => height)).toEqual(heights);
  });

  it('writes an index as the 64-bit number that it is, also when it was written before', () => {
    const [pages, numbers] = [indexKey, u64Key].map((part) =>
      collection({ store: 'test', name: 'page', key: [part as never], value: u64 }),
    );
    for (const index of [0, 1, 255, 256, 70_000, 2 ** 32 - 1, 256, 0]) {
      const key = numbers!.keyOf(BigInt(index) as never);
      expect(pages!.keyOf(index as never)).toBe(key);
      expect(indexKey.read(key, key.length - 8, key.length)).toBe(index);
    }
  });

  it('lists exactly what begins with the given parts, and pages on from any key', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.bigInt(0n, 3n), fc.uint8Array({ minLength: 2, maxLength: 2 }))),
        fc.bigInt(0n, 3n),
        fc.uint8Array({ minLength: 2, maxLength: 2 }),
        (entries, wanted, after) => {
          const state = emptyState();
          const oracle = new Map<string, readonly [bigint, Uint8Array]>();
          for (const [n, id] of entries) {
            scores.set(state, [n, id], n);
            oracle.set(`${n}/${id}`, [n, id]);
          }
          const mine = [...oracle.values()]
            .filter(([n]) => n === wanted)
            .map(([, id]) => id)
            .sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!);
          expect([...scores.list(state, wanted)].map(([[, id]]) => id)).toEqual(mine);
          const later = mine.filter((id) => id[0]! * 256 + id[1]! > after[0]! * 256 + after[1]!);
          const page = [...scores.listAfter(state, [wanted, after], wanted)];
          expect(page.map(([[, id]]) => id)).toEqual(later);
        },
      ),
    );
  });

  it('never mixes up two collections whose names share a beginning', () => {
    const state = emptyState();
    const longer = collection({ store: 'test', name: 'score-x', key: [u64Key], value: u64 });
    longer.set(state, [1n], 7n);
    expect([...scores.list(state)]).toEqual([]);
  });

  it('refuses keys that would name another record on disk than in memory', () => {
    const state = emptyState();
    expect(() => scores.get(state, 1n, Uint8Array.of(1))).toThrow(/2 bytes was given 1/);
    // U+0170 ends in the byte of "p": cut down to bytes, the two names would be one.
    expect(() => names.get(state, Uint8Array.of(1), '\u0170al')).toThrow(/printable ASCII/);
    expect(() => names.set(state, [Uint8Array.of(1), 'a b'], 1)).toThrow(/printable ASCII/);
  });

  it('keeps nothing of a key that was refused half-way for the keys behind it', () => {
    const state = emptyState();
    const id = Uint8Array.of(1, 2);
    const first = scores.keyOf(1n, id);
    expect(() => scores.get(state, 2n, Uint8Array.of(1))).toThrow(/2 bytes was given 1/);
    expect(scores.keyOf(2n, id)).not.toBe(first);
    expect(scores.keyOf(1n, id)).toBe(first);
  });

  it('writes every key as its parts alone are written, whatever was written or refused before', () => {
    const id = bytesKey(2);
    const [pairs, twins, ids, pages, words] = [
      { name: 'pair', key: [u64Key, id] },
      { name: 'twin', key: [u64Key, id] },
      { name: 'id', key: [id] },
      { name: 'page', key: [indexKey] },
      { name: 'word', key: [id, nameKey] },
    ].map(({ name, key }) => collection({ store: 'test', name, key: key as never, value: u8 }));
    // Few values, so that keys come again, share beginnings, and are all zeros as often as not.
    const numbers = fc.constantFrom(0n, 1n, 2n ** 32n, 2n ** 64n - 1n);
    const bytes = fc.uint8Array({ max: 1, minLength: 1, maxLength: 2 });
    const texts = fc.constantFrom('', 'a', 'ab');
    const beginnings = (...parts: readonly fc.Arbitrary<unknown>[]) =>
      fc.tuple(fc.tuple(...parts), fc.nat(parts.length)).map(([key, n]) => key.slice(0, n));
    const askedOf = [
      fc.tuple(fc.constantFrom(pairs!, twins!), beginnings(numbers, bytes)),
      fc.tuple(fc.constant(ids!), beginnings(bytes)),
      fc.tuple(fc.constant(pages!), beginnings(fc.constantFrom(0, 1, 256, 2 ** 32 - 1))),
      fc.tuple(fc.constant(words!), beginnings(bytes, texts)),
    ];
    /** The bytes of a part by the rule; undefined where it is refused. */
    const written = (part: unknown) => {
      if (typeof part === 'string') return part;
      if (part instanceof Uint8Array)
        return part.length === 2 ? Buffer.from(part).toString('latin1') : undefined;
      const eight = Buffer.alloc(8);
      eight.writeBigUInt64BE(BigInt(part as bigint));
      return eight.toString('latin1');
    };
    const place = new Uint8Array(2);
    /** As callers do that write ids into one place, again and again. */
    const moved = (part: unknown) => {
      if (!(part instanceof Uint8Array)) return part;
      place.set(part);
      return place.subarray(0, part.length);
    };
    fc.assert(
      fc.property(fc.array(fc.oneof(...askedOf), { maxLength: 60 }), (asked) => {
        for (const [of, key] of asked) {
          const write = () => of.keyOf(...(key.map(moved) as never));
          const parts = key.map(written);
          if (parts.includes(undefined)) expect(write).toThrow(/2 bytes was given 1/);
          else expect(write()).toBe([`test/${of.name}/`, ...parts].join(''));
        }
      }),
    );
  });

  it('says which record is missing when one must be there', () => {
    expect(() => scores.need(emptyState(), 1n, Uint8Array.of(1, 2))).toThrow(/test\/score\//);
  });

  it('knows the end of a prefix, also after bytes of 255', () => {
    expect(afterPrefix('ab')).toBe('ac');
    expect(afterPrefix('a\xff\xff')).toBe('b');
  });
});

describe('record versions', () => {
  const first = record('Person', { name: text(10) });
  const second = record('Person', { name: text(10), age: u16 });
  const old = collection({ store: 'test', name: 'person', key: [u64Key], value: first });
  const migrated = collection({
    store: 'test',
    name: 'person',
    key: [u64Key],
    value: second,
    version: 2,
    migrations: new Map([[1, (bytes) => ({ name: first.ssz.deserialize(bytes).name, age: 0 })]]),
  });

  it('an old record is read through its migration, and stored in the new form by the next write', () => {
    const state = emptyState();
    old.set(state, [1n], { name: 'ada' });
    expect(migrated.get(state, 1n)).toEqual({ name: 'ada', age: 0 });
    expect([...migrated.list(state)]).toEqual([[[1n], { name: 'ada', age: 0 }]]);
    expect(state.get(migrated.keyOf(1n))![0]).toBe(1);
    migrated.set(state, [1n], { name: 'ada', age: 36 });
    expect(state.get(migrated.keyOf(1n))![0]).toBe(2);
    expect(migrated.need(state, 1n).age).toBe(36);
  });

  it('a version that this program does not know is refused with a next step', () => {
    const state = emptyState();
    migrated.set(state, [1n], { name: 'ada', age: 36 });
    expect(() => old.get(state, 1n)).toThrow(
      expect.objectContaining({
        code: 'chain/unknown-record-version',
        message:
          'A record of test/person/ has version 2; this program knows 1 and what migrates to it.',
        next: expect.stringContaining('newer'),
      }),
    );
    state.set(old.keyOf(2n), new Uint8Array());
    expect(() => old.get(state, 2n)).toThrow(/version undefined/);
  });

  it('the version byte stands in front of the canonical bytes', () => {
    const state = emptyState();
    old.set(state, [1n], { name: 'ada' });
    const stored = state.get(old.keyOf(1n))!;
    expect(stored.subarray(1)).toEqual(encode(first, { name: 'ada' }));
  });
});
