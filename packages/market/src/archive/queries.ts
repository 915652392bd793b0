import { answer } from '@palisade/chain';
import { MAX_PAGE, query } from '@palisade/chain/schema';
import { bytes32, list, record, u64 } from '@palisade/core';
import { archiveCalls, archives } from './records.ts';

export const archiveCallsQuery = query({
  name: 'market.archive-calls',
  doc: 'Payout files that a partner is drawn to keep, a page at most: it may start on these jobs.',
  params: record('ArchiveCallsQuery', { partner: bytes32 }),
  result: record('ArchiveCallsView', {
    calls: list(
      record('ArchiveCall', { job: bytes32, session: u64.is('Whose payout file it is') }),
      MAX_PAGE,
    ),
  }),
});

export const archiveQueries = [
  answer(archiveCallsQuery, (state, { partner }) => {
    const calls = [];
    for (const [[, session]] of archiveCalls.list(state, partner)) {
      calls.push({ job: archives.need(state, session).job, session });
      if (calls.length === MAX_PAGE) break;
    }
    return { calls };
  }),
];
