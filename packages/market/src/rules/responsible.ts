/**
 * Who must tell a partner of jobs (P2V-2): rendezvous hashing gives every partner two validators
 * for each session, so that silence has somebody to answer for it. Everybody computes the same from
 * public values; a validator that leaves moves only the partners that it had.
 */
import { compareBytes, concat, u64be, utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';

/** Validators that answer for a partner: one may be down or dishonest. */
export const RESPONSIBLE = 2;
/** Time in which a responsible validator tells of a job after its block, ms (T). */
export const NOTICE_MS = 2000;

const TAG = utf8('palisade/responsible/1');

/**
 * The validators among `validators` (node keys) that are responsible for a partner in a session, the
 * highest hash first: `sha256(tag, partner, session as 8 bytes big-endian, validator)`.
 *
 * @param validators the active ones of the session, in any order
 */
export function responsibleFor(
  partner: Uint8Array,
  session: bigint,
  validators: readonly Uint8Array[],
): readonly Uint8Array[] {
  const ranked = validators.map((validator) => ({
    validator,
    hash: sha256(concat(TAG, partner, u64be(session), validator)),
  }));
  ranked.sort((a, b) => compareBytes(b.hash, a.hash));
  return ranked.slice(0, RESPONSIBLE).map(({ validator }) => validator);
}
