/**
 * The root of RFC 6962 (as `merkleRoot`) over leaves that come one after another and are not kept.
 * What is remembered are the *peaks*: the roots of the perfect trees that the leaves so far make up,
 * one per bit of their count, largest first. They can be written down and taken up again.
 */
import { PalisadeError } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { merkleInnerHash, merkleLeafHash } from './merkle.ts';

const HASH_BYTES = 32;
/** RFC 6962, section 2.1. */
const INNER_PREFIX = 1;

/** A number of leaves, and one hash of 32 bytes for each bit that is set in it, highest first. */
export type MerklePeaks = { readonly count: number; readonly peaks: readonly Uint8Array[] };

/**
 * Adds leaves in O(1) amortised and gives the root at any time.
 *
 * @example
 * const accumulator = new MerkleAccumulator();
 * accumulator.add(a);
 * const later = new MerkleAccumulator(accumulator.save());
 * later.add(b);
 * later.root(); // merkleRoot([a, b])
 */
export class MerkleAccumulator {
  private size: number;
  private readonly peaks: Uint8Array[];
  /** An inner node before it is hashed, its prefix first; one buffer for a million of them. */
  private readonly pair = new Uint8Array(1 + 2 * HASH_BYTES);

  /** @throws PalisadeError `formats/merkle-peaks` when the hashes do not fit the count. */
  constructor({ count, peaks }: MerklePeaks = { count: 0, peaks: [] }) {
    if (!fits(count, peaks)) throw unfit(count, peaks.length);
    this.pair[0] = INNER_PREFIX;
    this.size = count;
    this.peaks = [...peaks];
  }

  /** Number of leaves added. */
  get count(): number {
    return this.size;
  }

  add(leaf: Uint8Array): void {
    let hash = merkleLeafHash(leaf);
    // Each bit set at the end of the count is a perfect tree as large as the one just completed.
    for (let rest = this.size; rest % 2 === 1; rest = (rest - 1) / 2) {
      this.pair.set(this.peaks.pop()!, 1);
      this.pair.set(hash, 1 + HASH_BYTES);
      hash = sha256(this.pair);
    }
    this.peaks.push(hash);
    this.size++;
  }

  /** 32 bytes, the caller's own; sha256('') without leaves. */
  root(): Uint8Array {
    const { peaks } = this;
    if (peaks.length === 0) return new Uint8Array(sha256(new Uint8Array(0)));
    return new Uint8Array(peaks.reduceRight((right, left) => merkleInnerHash(left, right)));
  }

  /** All that there is to remember; later additions do not change it. */
  save(): MerklePeaks {
    return { count: this.size, peaks: [...this.peaks] };
  }
}

function fits(count: number, peaks: readonly Uint8Array[]): boolean {
  if (!Number.isSafeInteger(count) || count < 0) return false;
  if (peaks.some((peak) => peak.length !== HASH_BYTES)) return false;
  let bits = 0;
  for (let rest = count; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits === peaks.length;
}

function unfit(count: number, hashes: number): PalisadeError {
  return new PalisadeError({
    code: 'formats/merkle-peaks',
    message: `${hashes} hashes cannot be the peaks of a Merkle tree of ${count} leaves: there is one of 32 bytes for each bit that is set in the count.`,
  });
}
