import { bytes32, list, message, u8, u32, u64 } from '@palisade/core';
import { CHALLENGE_LEAVES } from '../rules/challenged.ts';
import { leafProof } from './leaf-proof.ts';

/** CHALLENGE (P2V-1.G2): a passive validator asks a partner for a sign of life, and for leaves. */
export const partnerChallenge = message({
  name: 'market.challenge',
  title: 'Challenge of a partner',
  doc: 'A validator asks a partner whether it is there, and for leaves of a content that it is paid to keep.',
  signer: 'node',
  fields: {
    session: u64,
    partner: bytes32,
    nonce: bytes32.is('Random: no answer can be made before'),
    job: bytes32.is('Whose content is asked for; zero when nothing is'),
    leaves: list(u64, CHALLENGE_LEAVES),
  },
});

/** PROOF: the partner's answer. What it says of itself is as in its READY; the leaves prove themselves. */
export const challengeAnswer = message({
  name: 'market.challenge-answer',
  title: 'Answer to a challenge',
  doc: 'A partner is there, and shows what it was asked for.',
  signer: 'node',
  fields: {
    challenge: bytes32.is('Id of the challenge'),
    session: u64,
    validator: bytes32.is('Who asked'),
    accepting: u8.is('1 when it takes new work'),
    freeBytes: u64,
    freeSlots: u32,
    proofs: list(leafProof, CHALLENGE_LEAVES).is('In the order in which they were asked for'),
  },
});

/** Bytes of a signed answer at most: four leaves of the largest content, 1 KiB with 28 siblings each. */
export const MAX_CHALLENGE_ANSWER = 10 * 1024;
