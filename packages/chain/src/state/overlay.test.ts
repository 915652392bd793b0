import type { KeyValueReader } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cell, Overlay } from './overlay.ts';
import { SortedKeys } from './sorted-keys.ts';

/** The oracle: a plain map, sorted whenever it is asked. */
function readerOf(map: ReadonlyMap<string, Uint8Array>): KeyValueReader {
  return {
    get: (key) => map.get(key),
    range: (from, to) =>
      [...map].filter(([key]) => key >= from && key < to).sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}

/** Few and short keys, with the extremes of a byte among them, so that writes meet. */
const aKey = fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\xff'), maxLength: 3 });
const aValue = fc.option(fc.uint8Array({ maxLength: 2 }), { nil: undefined });
const aWrite = fc.tuple(aKey, aValue);
const manyWrites = fc.array(aWrite, { maxLength: 30 });

function apply(map: Map<string, Uint8Array>, key: string, value: Uint8Array | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

describe('an overlay', () => {
  it('[ENG] encodes a value once, when its bytes are asked for, however often it was written', () => {
    let encoded = 0;
    const encoder = {
      encode(value: Uint8Array) {
        encoded++;
        return value;
      },
    };
    const overlay = new Overlay(readerOf(new Map()));
    for (let i = 0; i < 5; i++) overlay.setCell('pot', Cell.ofValue(Uint8Array.of(i), encoder));
    const upper = new Overlay(overlay);
    upper.setCell('other', Cell.ofValue(Uint8Array.of(9), encoder));
    upper.mergeInto(overlay);
    expect(encoded).toBe(0);
    const changes = overlay.changes();
    expect(changes).toEqual([
      ['other', Uint8Array.of(9)],
      ['pot', Uint8Array.of(4)],
    ]);
    expect(overlay.changes()).toEqual(changes);
    expect(encoded).toBe(2);
  });

  it('reads like the map that it and all below it add up to, at any depth', () => {
    fc.assert(
      fc.property(
        manyWrites,
        fc.array(manyWrites, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(aKey, aKey), { maxLength: 5 }),
        (below, layers, ranges) => {
          const oracle = new Map<string, Uint8Array>();
          for (const [key, value] of below) apply(oracle, key, value);
          let state: KeyValueReader = readerOf(new Map(oracle));
          for (const writes of layers) {
            const overlay: Overlay = new Overlay(state);
            for (const [i, [key, value]] of writes.entries()) {
              overlay.set(key, value);
              apply(oracle, key, value);
              // Listing in between builds the sorted keys at different moments.
              if (i % 3 === 0) [...overlay.range('a', 'b')];
            }
            state = overlay;
          }
          for (const [key] of [...below, ...layers.flat()])
            expect(state.get(key)).toEqual(oracle.get(key));
          for (const [from, to] of [...ranges, ['', '\u0100'] as const])
            expect([...state.range(from, to)]).toEqual([...readerOf(oracle).range(from, to)]);
        },
      ),
    );
  });

  it('merged into what is below gives the same as reading through it', () => {
    fc.assert(
      fc.property(manyWrites, manyWrites, (outer, inner) => {
        const block = new Overlay(readerOf(new Map()));
        for (const [key, value] of outer) block.set(key, value);
        const tx = new Overlay(block);
        for (const [key, value] of inner) tx.set(key, value);
        const through = [...tx.range('', '\u0100')];
        tx.mergeInto(block);
        expect([...block.range('', '\u0100')]).toEqual(through);
      }),
    );
  });

  it('a dropped overlay leaves no trace below', () => {
    const block = new Overlay(readerOf(new Map([['a', Uint8Array.of(1)]])));
    const tx = new Overlay(block);
    tx.set('a', undefined);
    tx.set('b', Uint8Array.of(2));
    expect(tx.get('a')).toBeUndefined();
    expect(block.get('a')).toEqual(Uint8Array.of(1));
    expect(block.size).toBe(0);
  });

  it('its changes are sorted and leave out what ends as it began', () => {
    const base = new Map([
      ['same', Uint8Array.of(1)],
      ['gone', Uint8Array.of(2)],
      ['new', Uint8Array.of(3)],
    ]);
    const overlay = new Overlay(readerOf(base));
    overlay.set('new', Uint8Array.of(4));
    overlay.set('same', Uint8Array.of(9));
    overlay.set('same', Uint8Array.of(1));
    overlay.set('never', Uint8Array.of(5));
    overlay.set('never', undefined);
    overlay.set('gone', undefined);
    expect(overlay.changes()).toEqual([
      ['gone', undefined],
      ['new', Uint8Array.of(4)],
    ]);
  });

  it('deleting the entries of a listing while walking along it visits each once', () => {
    const overlay = new Overlay(
      readerOf(
        new Map([
          ['a', Uint8Array.of(1)],
          ['c', Uint8Array.of(3)],
        ]),
      ),
    );
    overlay.set('b', Uint8Array.of(2));
    const seen: string[] = [];
    for (const [key] of overlay.range('a', 'z')) {
      seen.push(key);
      overlay.set(key, undefined);
    }
    expect(seen).toEqual(['a', 'b', 'c']);
    expect([...overlay.range('a', 'z')]).toEqual([]);
  });
});

describe('sorted keys', () => {
  it('stay in order over many runs', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(50_000), { maxLength: 200 }),
        fc.uniqueArray(fc.nat(50_000), { minLength: 1500, maxLength: 1600 }),
        fc.nat(50_000),
        fc.nat(50_000),
        (first, later, from, to) => {
          const name = (n: number) => n.toString().padStart(5, '0');
          const keys = new SortedKeys(first.map(name));
          const all = new Set(first);
          for (const n of later) {
            if (all.has(n)) continue;
            all.add(n);
            keys.add(name(n));
          }
          const expected = [...all].sort((a, b) => a - b).filter((n) => n >= from && n < to);
          expect(keys.between(name(from), name(to))).toEqual(expected.map(name));
        },
      ),
      { numRuns: 20 },
    );
  });
});
