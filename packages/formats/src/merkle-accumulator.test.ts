import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merkleRoot } from './merkle.ts';
import { MerkleAccumulator } from './merkle-accumulator.ts';

/** Without the Buffer that native hashes come in. */
const plain = (bytes: Uint8Array) => new Uint8Array(bytes);
const leaf = (i: number) => Uint8Array.of(i & 0xff, i >> 8);

describe('the Merkle accumulator', () => {
  it('comes to the root of RFC 6962 for every count', () => {
    const leaves: Uint8Array[] = [];
    const accumulator = new MerkleAccumulator();
    for (let i = 0; i < 300; i++) {
      expect(accumulator.root()).toEqual(plain(merkleRoot(leaves)));
      leaves.push(leaf(i));
      accumulator.add(leaf(i));
    }
    expect(accumulator.count).toBe(300);
  });

  it('goes on from what was saved, wherever that was', () => {
    const anywhere = fc.array(fc.tuple(fc.uint8Array({ maxLength: 8 }), fc.boolean()));
    fc.assert(
      fc.property(anywhere, (steps) => {
        let accumulator = new MerkleAccumulator();
        for (const [bytes, restart] of steps) {
          accumulator.add(bytes);
          if (restart) accumulator = new MerkleAccumulator(accumulator.save());
        }
        expect(accumulator.root()).toEqual(plain(merkleRoot(steps.map(([bytes]) => bytes))));
      }),
    );
  });

  it('leaves what was saved alone', () => {
    const accumulator = new MerkleAccumulator();
    for (let i = 0; i < 5; i++) accumulator.add(leaf(i));
    const saved = accumulator.save();
    for (let i = 5; i < 9; i++) accumulator.add(leaf(i));
    expect(new MerkleAccumulator(saved).root()).toEqual(
      plain(merkleRoot([0, 1, 2, 3, 4].map(leaf))),
    );
  });

  it.each([
    [1, []],
    [2, [new Uint8Array(32), new Uint8Array(32)]],
    [1, [new Uint8Array(31)]],
    [-1, []],
    [1.5, [new Uint8Array(32)]],
  ])('refuses peaks that do not belong to a count of %s', (count, peaks) => {
    expect(() => new MerkleAccumulator({ count, peaks })).toThrow(/cannot be the peaks/);
  });
});
