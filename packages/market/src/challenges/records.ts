/** Who can be challenged, who is in the running session, and what came of it. */
import { bytesKey, collection, u64Key } from '@palisade/chain';
import { bytes32, type Infer, record, u8, u32, u64 } from '@palisade/core';

/** What a validator says of a challenge. All but the first are failures. */
export const FINDING = { passed: 1, unreachable: 2, badAnswer: 3, wrongLeaves: 4 } as const;
export type Finding = (typeof FINDING)[keyof typeof FINDING];
export const finding = u8.is(
  '1 passed, 2 no answer in time, 3 an answer that is none, 4 leaves missing or wrong',
);

/**
 * The ring: every partner with something at stake, a bond or an agreement, at a place from 0 on
 * without gaps, so that a few of any number are drawn without looking at the others.
 */
export const ring = collection({
  store: 'market',
  name: 'challenge-ring',
  key: [u64Key],
  value: bytes32,
});
export const ringPlaces = collection({
  store: 'market',
  name: 'challenge-place',
  key: [bytesKey(32)],
  value: u64,
});
export const ringSize = collection({
  store: 'market',
  name: 'challenge-ring-size',
  key: [],
  value: u32,
});

export const challengeRecord = record('Challenge', {
  first: bytes32.is('One of the two validators that challenge'),
  second: bytes32.is('The other'),
  job: bytes32.is('Whose content they ask for; zero when for none'),
  firstSaid: u8.is('Its finding; 0 before'),
  secondSaid: u8.is('Its finding; 0 before'),
});
export type Challenge = Infer<typeof challengeRecord>;

/** Challenges of the running session, keyed session, partner: forgotten with its end. */
export const challenges = collection({
  store: 'market',
  name: 'challenge',
  key: [u64Key, bytesKey(32)],
  value: challengeRecord,
});

/** The last verdict on a partner, by its key. */
export const verdicts = collection({
  store: 'market',
  name: 'challenge-verdict',
  key: [bytesKey(32)],
  value: record('ChallengeVerdict', { session: u64, finding }),
});
