import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../bytes.ts';
import { blake3 } from '../crypto/wasm-hashes.ts';
import {
  type AuditProof,
  contentIdOfOutline,
  createProver,
  describeContent,
  GROUP_BYTES,
  LEAF_BYTES,
  leafCount,
  MAX_CONTENT_BYTES,
  openOutline,
  proveLeaf,
  verifyGroup,
  verifyLeaf,
} from './index.ts';

function content(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0, block = 0; at < size; at += 32, block++) {
    const words = blake3(Uint8Array.of(block & 255, (block >> 8) & 255, block >> 16));
    bytes.set(words.subarray(0, Math.min(32, size - at)), at);
  }
  return bytes;
}

const SIZE = 2 * GROUP_BYTES + 5 * LEAF_BYTES + 77;
const bytes = content(SIZE);
const { contentId, roots } = describeContent([bytes]);
const outline = openOutline(contentId, SIZE, roots)!;
const group = (index: number) => bytes.slice(index * GROUP_BYTES, (index + 1) * GROUP_BYTES);
const proofOf = (leafIndex: number) => proveLeaf(outline, group(leafIndex >> 10), leafIndex)!;

describe('the outline', () => {
  it('lets a reader check every group on its own, in any order', () => {
    for (const index of [2, 0, 1]) expect(verifyGroup(outline, index, group(index))).toBe(true);
    expect(verifyGroup(outline, 1, group(0))).toBe(false);
    expect(verifyGroup(outline, 3, new Uint8Array(0))).toBe(false);
    expect(verifyGroup(outline, -1, group(0))).toBe(false);
    expect(verifyGroup(outline, 0.5, group(0))).toBe(false);
  });

  it('catches one changed, missing or added byte of a group', () => {
    fc.assert(
      fc.property(fc.nat(GROUP_BYTES - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = group(0);
        damaged[at]! ^= flip;
        expect(verifyGroup(outline, 0, damaged)).toBe(false);
      }),
      { numRuns: 25 },
    );
    expect(verifyGroup(outline, 2, group(2).subarray(1))).toBe(false);
    expect(verifyGroup(outline, 2, concat(group(2), Uint8Array.of(0)))).toBe(false);
  });

  it('opens only with its own id, size and roots', () => {
    const changed = roots.slice();
    changed[40]! ^= 1;
    expect(openOutline(contentId, SIZE, changed)).toBeUndefined();
    expect(openOutline(contentId, SIZE - 1, roots)).toBeUndefined();
    expect(openOutline(contentId, SIZE, roots.subarray(32))).toBeUndefined();
    expect(contentIdOfOutline(-1, roots)).toBeUndefined();
    expect(contentIdOfOutline(MAX_CONTENT_BYTES + 1, roots)).toBeUndefined();
    expect(openOutline(describeContent([]).contentId, 0, new Uint8Array(0))).toBeDefined();
  });

  it('does not take the 65 bytes of a node for the two leaves below it', () => {
    const two = content(2 * LEAF_BYTES);
    const described = describeContent([two]);
    const posing = concat(
      Uint8Array.of(1),
      blake3(two.subarray(0, LEAF_BYTES)),
      blake3(two.subarray(LEAF_BYTES)),
    );
    expect(blake3(posing)).toEqual(described.roots);
    expect(verifyGroup(described, 0, posing)).toBe(false);
    const asLeaf: AuditProof = { leafIndex: 0, leaf: posing, path: [] };
    expect(verifyLeaf(described.contentId, described.size, asLeaf)).toBe(false);
    expect(verifyLeaf(described.contentId, posing.length, asLeaf)).toBe(false);
  });
});

describe('an audit proof', () => {
  it('shows any leaf of any size', () => {
    const leaf = fc.nat(leafCount(SIZE) - 1);
    fc.assert(
      fc.property(leaf, (leafIndex) => {
        const proof = proofOf(leafIndex);
        const start = leafIndex * LEAF_BYTES;
        expect(proof.leaf).toEqual(bytes.slice(start, start + LEAF_BYTES));
        expect(verifyLeaf(contentId, SIZE, proof)).toBe(true);
      }),
      { numRuns: 40 },
    );
    for (const size of [1, 1023, 1024, 1025, 3 * 1024, 5 * 1024 + 1]) {
      const small = describeContent([bytes.subarray(0, size)]);
      for (let leafIndex = 0; leafIndex < leafCount(size); leafIndex++) {
        const proof = proveLeaf(small, bytes.subarray(0, size), leafIndex)!;
        expect(verifyLeaf(small.contentId, size, proof)).toBe(true);
      }
    }
  });

  it('never verifies once any bit of the leaf or the path is changed', () => {
    const places = fc.tuple(fc.nat(leafCount(SIZE) - 1), fc.nat(), fc.integer({ min: 0, max: 7 }));
    fc.assert(
      fc.property(places, ([leafIndex, place, bit]) => {
        const proof = proofOf(leafIndex);
        const parts = [proof.leaf, ...proof.path];
        let at = place % parts.reduce((sum, part) => sum + part.length, 0);
        for (const part of parts) {
          if (at >= 0 && at < part.length) part[at]! ^= 1 << bit;
          at -= part.length;
        }
        expect(verifyLeaf(contentId, SIZE, proof)).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it('never verifies at another place, for another size, or with a path cut or lengthened', () => {
    const proof = proofOf(1500);
    const last = proofOf(leafCount(SIZE) - 1);
    expect(verifyLeaf(contentId, SIZE, last)).toBe(true);
    for (const leafIndex of [1501, 1499, 0, -1, 1500.5, Number.NaN, 2 ** 40]) {
      expect(verifyLeaf(contentId, SIZE, { ...proof, leafIndex })).toBe(false);
    }
    for (const size of [SIZE - 1, SIZE + 1, 0, -1, Number.NaN, 2 ** 60]) {
      expect(verifyLeaf(contentId, size, proof)).toBe(false);
    }
    const { path } = proof;
    expect(verifyLeaf(contentId, SIZE, { ...proof, path: path.slice(1) })).toBe(false);
    expect(verifyLeaf(contentId, SIZE, { ...proof, path: path.slice(0, -1) })).toBe(false);
    expect(verifyLeaf(contentId, SIZE, { ...proof, path: [...path, path[0]!] })).toBe(false);
    const short = path.map((hash, level) => (level === 3 ? hash.subarray(1) : hash));
    expect(verifyLeaf(contentId, SIZE, { ...proof, path: short })).toBe(false);
    const padded = concat(last.leaf, Uint8Array.of(0));
    expect(verifyLeaf(contentId, SIZE, { ...last, leaf: padded })).toBe(false);
  });

  it('is not made from damaged bytes: the prover says so instead', () => {
    const prove = createProver(outline);
    const damaged = group(1);
    damaged[123_456]! ^= 1;
    expect(prove(1, damaged, [1024])).toBeUndefined();
    expect(prove(1, group(1).subarray(1), [1024])).toBeUndefined();
    expect(prove(1, group(1), [1023])).toBeUndefined();
    expect(prove(2, group(2), [leafCount(SIZE)])).toBeUndefined();
    expect(prove(3, new Uint8Array(0), [3072])).toBeUndefined();
    expect(prove(2, group(2), [2048, 2053])).toHaveLength(2);
  });
});
