/** Laws of the ring and of challenges. */
import { currentSession, type Invariant } from '@palisade/chain';
import { equalBytes, toHex } from '@palisade/core';
import { exposures, probationBonds } from '../standing/records.ts';
import { challenges, ring, ringPlaces, ringSize } from './records.ts';
import { isAtStake } from './ring.ts';

/** The ring has no gaps, and everybody on it belongs there. */
const ringIsWhole: Invariant = {
  name: 'market: the ring of challenges = partners with a bond or an agreement',
  check(state) {
    const size = ringSize.get(state) ?? 0;
    let next = 0n;
    for (const [[place], partner] of ring.list(state)) {
      if (place !== next++) return `nobody is at place ${next - 1n}`;
      if (ringPlaces.get(state, partner) !== place) return `${toHex(partner)}: stands elsewhere`;
      if (!isAtStake(state, partner)) return `${toHex(partner)}: has nothing at stake`;
    }
    if (next !== BigInt(size)) return `${next} places, counted ${size}`;
    for (const list of [exposures.list(state), probationBonds.list(state)])
      for (const [[partner]] of list)
        if (isAtStake(state, partner) && !ringPlaces.has(state, partner))
          return `${toHex(partner)}: has no place`;
    return undefined;
  },
};

/** Only the running session's challenges are kept, each with two validators. */
const challengesAreOfNow: Invariant = {
  name: 'market: challenges are of the running session and have two validators',
  check(state) {
    const running = currentSession.get(state) ?? 0n;
    for (const [[session, partner], { first, second }] of challenges.list(state)) {
      if (session !== running) return `${toHex(partner)}: of session ${session}`;
      if (equalBytes(first, second)) return `${toHex(partner)}: one validator twice`;
    }
    return undefined;
  },
};

export const challengeInvariants: readonly Invariant[] = [ringIsWhole, challengesAreOfNow];
