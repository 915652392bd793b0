/** Ending agreements early: what they might still have earned is unbound; audits that are due stay. */
import type { BlockContext } from '@palisade/chain';
import { AGREEMENT_STATE, agreements, jobs } from './job.ts';

/**
 * Makes `lastSession` the last audited one of a running agreement, if that is sooner. The session
 * that runs is still audited and paid: the partner has kept the content in it.
 */
export function shorten(
  { state }: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  lastSession: bigint,
): void {
  const agreement = agreements.need(state, jobId, partner);
  if (agreement.state !== AGREEMENT_STATE.active || lastSession >= agreement.lastSession) return;
  const last = lastSession < agreement.firstSession ? agreement.firstSession : lastSession;
  const dropped = agreement.lastSession - last;
  agreements.set(state, [jobId, partner], {
    ...agreement,
    sessions: agreement.sessions - Number(dropped),
    lastSession: last,
  });
  const job = jobs.need(state, jobId);
  jobs.set(state, [jobId], { ...job, committed: job.committed - dropped * agreement.rate });
}
