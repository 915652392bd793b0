import { blake3 as nobleBlake3 } from '@noble/hashes/blake3.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectionPpm, LEAF_BYTES, MAX_SAMPLES, sampleLeaves, windowsToDetect } from './index.ts';

const seed = new Uint8Array(32).fill(1);
const jobId = new Uint8Array(32).fill(2);
const partner = new Uint8Array(32).fill(3);

/** The documented recipe once more, on Node's Buffer and another BLAKE3. */
function recipe(leaves: number, count: number): number[] {
  const number = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(value));
    return bytes;
  };
  const hash = (...parts: Uint8Array[]) => Buffer.from(nobleBlake3(Buffer.concat(parts)));
  const domain = Buffer.from('palisade/audit-sample/1');
  const key = hash(domain, seed, jobId, partner, number(leaves));
  const drawn: number[] = [];
  const limit = 2n ** 64n - (2n ** 64n % BigInt(leaves));
  for (let i = 0; drawn.length < Math.min(count, leaves); i++) {
    const word = hash(key, number(Math.floor(i / 4))).readBigUInt64BE((i % 4) * 8);
    const leaf = Number(word % BigInt(leaves));
    if (word < limit && !drawn.includes(leaf)) drawn.push(leaf);
  }
  return drawn;
}

describe('the sample of leaves', () => {
  it('follows the published recipe', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.nat(60), (leaves, count) => {
        const sample = sampleLeaves(seed, jobId, partner, leaves * LEAF_BYTES, count);
        expect(sample).toEqual(recipe(leaves, count));
      }),
      { numRuns: 60 },
    );
  });

  it('asks for distinct leaves, and for every leaf when there are no more than asked for', () => {
    const all = sampleLeaves(seed, jobId, partner, 50 * LEAF_BYTES - 1, MAX_SAMPLES);
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, leaf) => leaf));
    const many = sampleLeaves(seed, jobId, partner, 2000 * LEAF_BYTES, 1000);
    expect(new Set(many).size).toBe(1000);
    expect(many.slice(0, 100)).toEqual(sampleLeaves(seed, jobId, partner, 2000 * LEAF_BYTES, 100));
    expect(sampleLeaves(seed, jobId, partner, 0, 100)).toEqual([]);
  });

  it('differs for every seed, job, partner and size', () => {
    const other = new Uint8Array(32).fill(9);
    const size = 100_000 * LEAF_BYTES;
    const samples = [
      sampleLeaves(seed, jobId, partner, size, 8),
      sampleLeaves(other, jobId, partner, size, 8),
      sampleLeaves(seed, other, partner, size, 8),
      sampleLeaves(seed, jobId, other, size, 8),
      sampleLeaves(seed, jobId, partner, size + 1, 8),
    ];
    expect(new Set(samples.map(String)).size).toBe(samples.length);
  });

  it('is uniform: chi-square over 97 leaves and 40 000 draws stays below the 99.9 % bound', () => {
    const leaves = 97;
    const draws = 40_000;
    const hits = new Array<number>(leaves).fill(0);
    for (let round = 0; round < draws / 4; round++) {
      const roundSeed = nobleBlake3(Buffer.from(`round ${round}`));
      for (const leaf of sampleLeaves(roundSeed, jobId, partner, leaves * LEAF_BYTES, 4)) {
        hits[leaf]!++;
      }
    }
    const expected = draws / leaves;
    const chiSquare = hits.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    // 99.9 % quantile of chi-square with 96 degrees of freedom (Wilson-Hilferty): 145.
    expect(chiSquare).toBeLessThan(145);
    expect(chiSquare).toBeGreaterThan(50);
  });

  it('refuses inputs that would make two questions look alike', () => {
    const short = new Uint8Array(31);
    expect(() => sampleLeaves(short, jobId, partner, 1, 1)).toThrow(/32 bytes/);
    expect(() => sampleLeaves(seed, short, partner, 1, 1)).toThrow(/32 bytes/);
    expect(() => sampleLeaves(seed, jobId, short, 1, 1)).toThrow(/32 bytes/);
    expect(() => sampleLeaves(seed, jobId, partner, 1, MAX_SAMPLES + 1)).toThrow(/count/);
    expect(() => sampleLeaves(seed, jobId, partner, -1, 1)).toThrow(/size/);
  });
});

/** Exact probability of a miss as a fraction of whole numbers. */
function exactMiss(missing: number, leaves: number, samples: number): [bigint, bigint] {
  let top = 1n;
  let bottom = 1n;
  for (let i = 0; i < Math.min(samples, leaves); i++) {
    top *= BigInt(Math.max(0, leaves - missing - i));
    bottom *= BigInt(leaves - i);
  }
  return [top, bottom];
}

describe('the odds of an audit', () => {
  it('states a probability that is exact to the part per million and never too high', () => {
    const counts = fc.tuple(
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 0, max: 400 }),
      fc.integer({ min: 0, max: 60 }),
    );
    fc.assert(
      fc.property(counts, ([leaves, some, samples]) => {
        const missing = some % (leaves + 1);
        const [top, bottom] = exactMiss(missing, leaves, samples);
        const exact = Number(((bottom - top) * 1_000_000n) / bottom);
        const stated = detectionPpm(missing, leaves, samples);
        expect(stated).toBeLessThanOrEqual(exact);
        expect(stated).toBeGreaterThanOrEqual(exact - 1);
      }),
    );
  });

  it('counts the audits until a loss is noticed: enough, and one fewer would not be', () => {
    const counts = fc.tuple(
      fc.integer({ min: 2, max: 200 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 999_999 }),
    );
    fc.assert(
      fc.property(counts, ([leaves, some, samples, confidence]) => {
        const missing = Math.min(some, leaves);
        const windows = windowsToDetect(missing, leaves, samples, confidence)!;
        const [top, bottom] = exactMiss(missing, leaves, samples);
        const noticed = (w: bigint) =>
          (bottom ** w - top ** w) * 1_000_000n >= BigInt(confidence) * bottom ** w;
        expect(noticed(BigInt(windows))).toBe(true);
        expect(windows === 1 || !noticed(BigInt(windows - 1))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('agrees with the published sample sizes for a GiB', () => {
    const leaves = 2 ** 20;
    // Smallest samples that notice this loss with 99 % (independent draws: ln 0.01 / ln(1 - e)).
    for (const [percent, samples] of [
      [1, 459],
      [5, 90],
      [10, 44],
      [50, 7],
    ] as const) {
      const missing = Math.ceil((leaves * percent) / 100);
      expect(detectionPpm(missing, leaves, samples)).toBeGreaterThanOrEqual(990_000);
      expect(detectionPpm(missing, leaves, samples - 1)).toBeLessThan(990_000);
    }
    expect(windowsToDetect(Math.ceil(leaves / 100), leaves, 100, 997_000)).toBe(6);
    expect(windowsToDetect(1, leaves, 100, 990_000)).toBe(48_287);
  });

  it('says when no number of audits is enough', () => {
    expect(windowsToDetect(0, 100, 10, 1)).toBeUndefined();
    expect(windowsToDetect(10, 100, 0, 1)).toBeUndefined();
    expect(windowsToDetect(10, 100, 10, 1_000_000)).toBeUndefined();
    expect(windowsToDetect(100, 100, 1, 1_000_000)).toBe(1);
    expect(detectionPpm(1, 10, 10)).toBe(1_000_000);
    expect(() => detectionPpm(11, 10, 1)).toThrow(/missing/);
    expect(() => windowsToDetect(1, 10, 1, 0)).toThrow(/confidence/);
  });
});
