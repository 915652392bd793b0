/** Whether a partner may start on a job of the archive, in the place of a client's signature. */
import type { TxContext } from '@palisade/chain';
import { type Refusal, refuse, toHex } from '@palisade/core';
import { type Agreement, agreements, type Job } from '../job.ts';
import { lastOfTerm } from '../rules/terms.ts';
import { archiveCalls, archivedSession } from './records.ts';

/** @param after the agreement as it would be */
export function cannotJoin(
  { state, sender }: TxContext,
  jobId: Uint8Array,
  job: Job,
  after: Agreement,
): Refusal | undefined {
  const partner = sender.nodeKey!;
  const session = archivedSession.need(state, jobId);
  if (!agreements.has(state, jobId, partner) && !archiveCalls.has(state, partner, session))
    return refuse(
      'market/not-called',
      `${toHex(partner)} was not drawn to keep the payout file of session ${session}.`,
      { next: 'market.archive-calls tells what a partner is drawn for.' },
    );
  if (after.lastSession <= lastOfTerm(job)) return undefined;
  return refuse(
    'market/bad-term',
    `The agreement would last until session ${after.lastSession}; the term ends with ${lastOfTerm(job)}.`,
  );
}
