/**
 * What happens when a session ends: its payout file is closed and paid, missed audits are noted,
 * agreements and jobs whose term is over end, and escrow whose window has closed goes back. The
 * cost grows with what is due in the session, never with all jobs.
 */
import type { BlockContext } from '@palisade/chain';
import type { KeyValueReader } from '@palisade/core';
import { gatherFees } from './archive/money.ts';
import { awaitArchive, openArchives } from './archive/open.ts';
import { reviewArchive } from './archive/review.ts';
import { disputeJob, endJob, returnEscrow } from './ending.ts';
import { payoutClosed } from './events.ts';
import {
  AGREEMENT_STATE,
  agreements,
  isInteractive,
  isOfArchive,
  JOB_STATE,
  jobs,
  jobsDue,
  refundsDue,
  settlementsDue,
} from './job.ts';
import { payoutRows, payouts } from './payout.ts';
import { summarize } from './payout-file.ts';
import { settleAudit } from './settle-audit.ts';
import { settleUsage } from './settle-usage.ts';

/** Closes the session that `ctx.session` still is. */
export function closeSession(ctx: BlockContext): void {
  const { state, session } = ctx;
  gatherFees(ctx);
  for (const [[, jobId, partner], answerHeight] of [
    ...settlementsDue.list(state, session.number),
  ]) {
    settlementsDue.delete(state, session.number, jobId, partner);
    if (isInteractive(jobs.need(state, jobId))) settleUsage(ctx, jobId, partner);
    else settleAudit(ctx, jobId, partner, answerHeight);
  }
  for (const [[, jobId]] of [...jobsDue.list(state, session.number)]) {
    jobsDue.delete(state, session.number, jobId);
    reviewJob(ctx, jobId);
  }
  closePayoutFile(ctx);
  for (const [[, jobId]] of [...refundsDue.list(state, session.number)]) {
    refundsDue.delete(state, session.number, jobId);
    returnEscrow(ctx, jobId);
  }
  // Terms were renewed before: what partners keep already comes before what is safe without them.
  openArchives(ctx);
}

/** Whether a job is over: nobody started it in time, or its term is over and nobody works on it. */
function reviewJob(ctx: BlockContext, jobId: Uint8Array): void {
  const { state, session } = ctx;
  const job = jobs.need(state, jobId);
  if (isOfArchive(job)) {
    reviewArchive(ctx, jobId);
    return;
  }
  if (job.state === JOB_STATE.confirmed && session.number > job.session) {
    endJob(ctx, jobId, JOB_STATE.cancelled, 'no partner started it in time');
    return;
  }
  const isDisputed = job.state === JOB_STATE.disputed;
  if (!isDisputed && (job.state !== JOB_STATE.started || job.active > 0)) return;
  const termEnd = job.session + BigInt(job.sessions);
  const found = tally(state, jobId);
  // Until then, another partner may take the place of one that was lost.
  if (!isDisputed && found.done < job.partners && session.number < termEnd)
    jobsDue.set(state, [termEnd, jobId], 0);
  else if (found.disputed === 0) endJob(ctx, jobId, ...outcomeOf(found));
  else if (!isDisputed) disputeJob(ctx, jobId);
}

type Tally = {
  readonly completed: number;
  readonly disputed: number;
  readonly resolved: number;
  /** Agreements that have served their term: those that took a place and did not waste it. */
  readonly done: number;
};

function tally(state: KeyValueReader, jobId: Uint8Array): Tally {
  let [completed, disputed, resolved, unpaid] = [0, 0, 0, 0];
  for (const [, agreement] of agreements.list(state, jobId)) {
    if (agreement.state === AGREEMENT_STATE.completed) completed++;
    if (agreement.state === AGREEMENT_STATE.disputed) disputed++;
    if (agreement.state !== AGREEMENT_STATE.resolved) continue;
    resolved++;
    if (agreement.paid === 0n) unpaid++;
  }
  return { completed, disputed, resolved, done: completed + disputed + resolved - unpaid };
}

function outcomeOf({ completed, resolved, done }: Tally): [outcome: number, reason: string] {
  if (done === 0 && resolved === 0) return [JOB_STATE.cancelled, 'all of its partners were lost'];
  if (done === 0) return [JOB_STATE.cancelled, 'nothing was vouched for'];
  if (completed > 0 && resolved === 0) return [JOB_STATE.completed, 'the term is over'];
  return [JOB_STATE.resolved, 'paid as vouched for, without every receipt'];
}

function closePayoutFile(ctx: BlockContext): void {
  const { state, session, height } = ctx;
  const rows = [...payoutRows.list(state, session.number)].map(([, row]) => row);
  const summary = summarize(rows);
  payouts.set(state, [session.number], { ...summary, height });
  ctx.emit(payoutClosed, { session: session.number, ...summary });
  awaitArchive(ctx, session.number, summary.rows);
}
