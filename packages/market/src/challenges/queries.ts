import { answer } from '@palisade/chain';
import { MAX_PAGE, query } from '@palisade/chain/schema';
import { bytes32, list, record, u64 } from '@palisade/core';
import { challengeRecord, challenges } from './records.ts';

export const challengesQuery = query({
  name: 'market.challenges',
  doc: 'Who is challenged by whom in the running session, a page at a time.',
  params: record('ChallengesQuery', {
    session: u64,
    after: bytes32.is('Partner after which the page begins; zero for the first'),
  }),
  result: record('ChallengesView', {
    challenges: list(
      record('ChallengeLine', { partner: bytes32, challenge: challengeRecord }),
      MAX_PAGE,
    ),
  }),
});

export const challengeQueries = [
  answer(challengesQuery, (state, { session, after }) => {
    const lines = [];
    for (const [[, partner], challenge] of challenges.listAfter(state, [session, after], session)) {
      if (lines.length === MAX_PAGE) break;
      lines.push({ partner, challenge });
    }
    return { challenges: lines };
  }),
];
