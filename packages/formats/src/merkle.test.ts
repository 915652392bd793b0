import { createHash } from 'node:crypto';
import { fromHex, toHex } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merkleProof, merkleRoot, verifyMerkleProof } from './merkle.ts';

// Vectors of RFC 6962's reference log (certificate-transparency, merkle tree test data): eight
// inputs and the root over the first n of them.
const inputs = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => fromHex(`0x${hex}`));
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const leavesArb = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 70 });

describe('merkle tree of RFC 6962', () => {
  it('reproduces the published roots for 0 to 8 leaves', () => {
    for (const [count, root] of roots.entries()) {
      expect(toHex(merkleRoot(inputs.slice(0, count)))).toBe(`0x${root}`);
    }
  });

  it('hashes an empty list to the hash of nothing', () => {
    expect(toHex(merkleRoot([]))).toBe(`0x${createHash('sha256').digest('hex')}`);
  });

  it('proves every leaf, and the proof holds for no other leaf, index, total or root', () => {
    fc.assert(
      fc.property(leavesArb, fc.nat(), (leaves, seed) => {
        const index = seed % leaves.length;
        const root = merkleRoot(leaves);
        const proof = merkleProof(leaves, index);
        const leaf = leaves[index]!;
        expect(verifyMerkleProof(root, leaf, proof)).toBe(true);
        expect(verifyMerkleProof(root, new Uint8Array([...leaf, 1]), proof)).toBe(false);
        expect(verifyMerkleProof(merkleRoot([...leaves, leaf]), leaf, proof)).toBe(false);
        if (leaves.length > 1) {
          const other = { ...proof, index: (index + 1) % leaves.length };
          const shorter = { ...proof, aunts: proof.aunts.slice(1) };
          expect(verifyMerkleProof(root, leaf, shorter)).toBe(false);
          // Two equal neighbours may share a path only when the list itself repeats them.
          const equalSubtrees = new Set(leaves.map((entry) => toHex(entry))).size < leaves.length;
          if (!equalSubtrees) expect(verifyMerkleProof(root, leaf, other)).toBe(false);
        }
        const longer = { ...proof, aunts: [...proof.aunts, root] };
        expect(verifyMerkleProof(root, leaf, longer)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('refuses nonsense positions without throwing', () => {
    const leaves = inputs.slice(0, 5);
    const root = merkleRoot(leaves);
    const proof = merkleProof(leaves, 2);
    for (const [index, total] of [
      [-1, 5],
      [5, 5],
      [2, 0],
      [0.5, 5],
      [2, 2 ** 40],
      [Number.NaN, 5],
    ] as const) {
      expect(verifyMerkleProof(root, leaves[2]!, { ...proof, index, total })).toBe(false);
    }
    expect(() => merkleProof(leaves, 5)).toThrow(/no leaf 5/);
  });
});
