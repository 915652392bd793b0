/**
 * Who is challenged in a session, by whom, and for what (P2V-1.G2). All of it follows from the session's
 * randomness and the chain's records, so that nobody picks its victims or its friends, and everybody
 * can check who was to ask whom.
 */
import { concat, equalBytes, sampleIndices, sampleLeaves, u64be, utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';

/**
 * Leaves of one content that a challenge asks for: a partner that lost half of it is found with 94 %.
 * The thorough search is the audit's; this is whether anything is there at all.
 */
export const CHALLENGE_LEAVES = 4;

const TARGETS_TAG = utf8('palisade/challenged/1');
const PAIR_TAG = utf8('palisade/challengers/1');
const LEAVES_TAG = utf8('palisade/challenge-leaves/1');
const AGREEMENT_TAG = utf8('palisade/challenge-agreement/1');

/** A machine and whose it is. */
export type Owned = { readonly nodeKey: Uint8Array; readonly account: Uint8Array };

/**
 * Places of the partners that are challenged, distinct, on the ring of all that can be: `most` of
 * them, or all.
 *
 * @param seed the session's randomness
 * @param count partners on the ring
 */
export function challengedPlaces(seed: Uint8Array, count: number, most: number): readonly number[] {
  return sampleIndices(sha256(concat(TARGETS_TAG, seed, u64be(BigInt(count)))), count, most);
}

/**
 * The two passive validators that challenge a partner: the first is drawn evenly, the second evenly
 * from those of other accounts. Neither account is the partner's, and they are two, because what both
 * say counts: one owner shall not have both words. Undefined where there are no such two.
 *
 * @param passive by ascending node key
 */
export function challengersOf(
  seed: Uint8Array,
  partner: Owned,
  passive: readonly Owned[],
): readonly [Uint8Array, Uint8Array] | undefined {
  const foreign = passive.filter(({ account }) => !equalBytes(account, partner.account));
  const first = drawn(seed, partner, foreign, 1);
  if (!first) return undefined;
  const rest = foreign.filter(({ account }) => !equalBytes(account, first.account));
  const second = drawn(seed, partner, rest, 2);
  return second && [first.nodeKey, second.nodeKey];
}

function drawn(seed: Uint8Array, { nodeKey }: Owned, from: readonly Owned[], round: number) {
  const key = sha256(concat(PAIR_TAG, seed, nodeKey, Uint8Array.of(round)));
  const [place] = sampleIndices(key, from.length, 1);
  return place === undefined ? undefined : from[place];
}

/** The job id from which on the partner's agreements are looked through for one to ask about. */
export function agreementPoint(seed: Uint8Array, partner: Uint8Array): Uint8Array {
  return sha256(concat(AGREEMENT_TAG, seed, partner));
}

/**
 * The leaves of a content that one validator asks for: other ones than the other validator, and than
 * the audit, so that no answer can be had from elsewhere.
 *
 * @param size bytes of the content
 */
export function challengeLeaves(
  seed: Uint8Array,
  validator: Uint8Array,
  job: Uint8Array,
  partner: Uint8Array,
  size: bigint,
): readonly number[] {
  const own = sha256(concat(LEAVES_TAG, seed, validator));
  return sampleLeaves(own, job, partner, Number(size), CHALLENGE_LEAVES);
}
