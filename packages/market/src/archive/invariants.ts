/** Laws of the archive. */
import type { Invariant } from '@palisade/chain';
import { equalBytes, toHex } from '@palisade/core';
import { isOfArchive, isOver, jobs } from '../job.ts';
import { payoutRows, payouts } from '../payout.ts';
import { ARCHIVE } from './money.ts';
import {
  archiveCalls,
  archivedSession,
  archives,
  archiveVacant,
  archiveWaiting,
  rowsToDrop,
} from './records.ts';

/** Validators let go of rows only once partners have proven them; what is not on its way waits. */
const filesAreSomewhere: Invariant = {
  name: 'market: every closed payout file is here, whole, or partners have proven it',
  check(state) {
    for (const [[session], { rows }] of payouts.list(state)) {
      const archive = archives.get(state, session);
      const found = [...payoutRows.list(state, session)].length;
      const waits = archiveWaiting.has(state, session);
      if (archive?.moved === 1) {
        if (waits) return `file ${session} waits and was moved`;
        if (found > 0 && !rowsToDrop.has(state, session)) return `file ${session}: rows are left`;
        continue;
      }
      if (found !== rows) return `file ${session}: ${found} of ${rows} rows are here`;
      if (waits !== (rows > 0 && !archive)) return `file ${session}: forgotten, or kept twice`;
    }
    return undefined;
  },
};

/** Records of files, jobs and draws speak of each other. */
const archiveAgrees: Invariant = {
  name: 'market: jobs of the archive, their files and their draws fit together',
  check(state) {
    let calls = 0;
    for (const [[session], { job: id, called }] of archives.list(state)) {
      const job = jobs.need(state, id);
      if (!isOfArchive(job) || !equalBytes(job.client, ARCHIVE)) return `${toHex(id)}: not ours`;
      if ((archivedSession.get(state, id) === session) === isOver(job))
        return `${toHex(id)}: its end and its file do not agree`;
      const isFree = !isOver(job) && job.active < job.partners;
      if (isFree && !archiveVacant.has(state, session))
        return `file ${session}: a place is forgotten`;
      for (const partner of called)
        if (!archiveCalls.has(state, partner, session))
          return `file ${session}: a draw is forgotten`;
      calls += called.length;
    }
    const known = [...archiveCalls.list(state)].length;
    return known === calls ? undefined : `${calls} draws are recorded, ${known} are known`;
  },
};

export const archiveInvariants: readonly Invariant[] = [filesAreSomewhere, archiveAgrees];
