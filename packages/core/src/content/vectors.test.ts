import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../bytes.ts';
import { describeContent, proveLeaf, sampleLeaves, verifyLeaf } from './index.ts';

const file = new URL('../../../../spec/vectors/content.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8'));
const pattern = (size: number) => Uint8Array.from({ length: size }, (_, i) => i % 251);
const hex = (bytes: Uint8Array) => toHex(bytes).slice(2);

describe('the published vectors', () => {
  it.each<{ size: number; groups: string[]; contentId: string }>(vectors.contents)(
    'name $size bytes',
    ({ size, groups, contentId }) => {
      const described = describeContent([pattern(size)]);
      expect(hex(described.roots)).toBe(groups.join(''));
      expect(hex(described.contentId)).toBe(contentId);
    },
  );

  it('prove a leaf', () => {
    const { size, leafIndex, leaf, path, contentId } = vectors.proof;
    const proof = { leafIndex, leaf: fromHex(leaf), path: path.map(fromHex) };
    expect(verifyLeaf(fromHex(contentId), size, proof)).toBe(true);
    const content = pattern(size);
    expect(proveLeaf(describeContent([content]), content, leafIndex)).toEqual(proof);
  });

  it('draw samples', () => {
    const { seed, jobId, partnerKey, samples } = vectors.sampling;
    for (const { size, count, leaves } of samples) {
      const drawn = sampleLeaves(fromHex(seed), fromHex(jobId), fromHex(partnerKey), size, count);
      expect(drawn).toEqual(leaves);
    }
  });
});
