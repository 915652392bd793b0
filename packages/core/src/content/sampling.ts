/**
 * Which leaves a partner must show. Everyone computes the same list from the session's randomness,
 * and a partner cannot know it before that randomness exists (spec/content.md, "Audit").
 *
 *   n      = number of leaves of the content
 *   key    = BLAKE3("palisade/audit-sample/1" || seed || job id || partner key || u64be n)
 *   word i = bytes 8 (i mod 4) .. +8 of BLAKE3(key || u64be (i div 4)), as an unsigned big-endian number
 *
 * Words are taken in order. A word at or above the largest multiple of n that 64 bits hold is passed
 * over (that is what makes every leaf equally likely), otherwise word mod n is a drawn leaf; a leaf
 * that was drawn before is passed over too. It ends with `count` leaves, or with all n.
 */
import { concat, readU64be, u64be, utf8 } from '../bytes.ts';
import { blake3 } from '../crypto/wasm-hashes.ts';
import { PalisadeError } from '../errors.ts';
import { HASH_BYTES, leafCount } from './sizes.ts';

const DOMAIN = utf8('palisade/audit-sample/1');
const WORD_BYTES = 8;
const WORDS = 2n ** 64n;

/**
 * Most leaves of one sample: 1 MiB of leaves and about as much of paths in one answer. 460 already
 * catch a loss of 1 % with 99 %; more certainty comes from more sessions.
 */
export const MAX_SAMPLES = 1024;

/**
 * The leaves to audit, distinct, in the order drawn: a shorter sample is the beginning of a longer
 * one. There are `count` of them, or all leaves of the content when it has no more than that.
 *
 * @param seed randomness of the session, 32 bytes
 * @param jobId 32 bytes
 * @param partnerKey ed25519 node key, 32 bytes: two partners with one content are asked differently
 * @param size bytes of the content
 * @throws PalisadeError `content/bad-sample` for another length or a count outside 0..`MAX_SAMPLES`, `content/bad-size`
 */
export function sampleLeaves(
  seed: Uint8Array,
  jobId: Uint8Array,
  partnerKey: Uint8Array,
  size: number,
  count: number,
): readonly number[] {
  checkInput([seed, jobId, partnerKey], count);
  const leaves = leafCount(size);
  return sampleIndices(
    blake3(concat(DOMAIN, seed, jobId, partnerKey, u64be(BigInt(leaves)))),
    leaves,
    count,
  );
}

/**
 * Distinct numbers below `n` (a safe integer) by the rule of words above, from a 32-byte key: `count` of
 * them, or all n where there are no more. For draws of other things than leaves.
 */
export function sampleIndices(key: Uint8Array, n: number, count: number): readonly number[] {
  const wanted = Math.min(count, n);
  const drawn = new Set<number>();
  if (wanted === 0) return [];
  const range = BigInt(n);
  const limit = WORDS - (WORDS % range);
  for (let block = 0n; drawn.size < wanted; block++) {
    const words = blake3(concat(key, u64be(block)));
    for (let at = 0; at < HASH_BYTES && drawn.size < wanted; at += WORD_BYTES) {
      const word = readU64be(words, at);
      if (word < limit) drawn.add(Number(word % range));
    }
  }
  return [...drawn];
}

function checkInput(parts: readonly Uint8Array[], count: number): void {
  const rightLengths = parts.every((part) => part.length === HASH_BYTES);
  if (rightLengths && Number.isInteger(count) && count >= 0 && count <= MAX_SAMPLES) return;
  throw new PalisadeError({
    code: 'content/bad-sample',
    message: `A sample needs a seed, a job id and a partner key of 32 bytes each and a count of 0 to ${MAX_SAMPLES}; got ${parts.map((part) => part.length).join(', ')} bytes and ${count}.`,
  });
}
