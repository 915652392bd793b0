/**
 * How agreements and jobs end: what might still have been earned is unbound, and escrow that
 * nobody can claim any more goes back to the client.
 */
import { type BlockContext, transfer } from '@palisade/chain';
import type { KeyValueReader } from '@palisade/core';
import { ESCROW } from './escrow.ts';
import { agreementEnded, escrowReturned, jobEnded } from './events.ts';
import {
  AGREEMENT_STATE,
  agreements,
  agreementsOf,
  auditsDue,
  JOB_STATE,
  type Job,
  jobs,
  jobsDue,
  refundsDue,
} from './job.ts';
import { type PayoutRow, payoutRows, ROW_STATUS } from './payout.ts';
import { expose, noteCompleted } from './standing/notes.ts';

/** Stands in a payout row for the partner of a job that nobody started. */
const NOBODY = new Uint8Array(32);

/**
 * Makes `lastSession` the last audited one of a running agreement, if that is sooner. A session
 * that runs is still audited and paid: the partner has kept the content in it. An agreement whose
 * first session would come later ends at once.
 */
export function shorten(
  ctx: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  lastSession: bigint,
  reason: string,
): void {
  const { state } = ctx;
  const agreement = agreements.need(state, jobId, partner);
  if (agreement.state !== AGREEMENT_STATE.active || lastSession >= agreement.lastSession) return;
  const { firstSession, rate } = agreement;
  const last = lastSession < firstSession ? firstSession - 1n : lastSession;
  const dropped = agreement.lastSession - last;
  agreements.set(state, [jobId, partner], {
    ...agreement,
    sessions: agreement.sessions - Number(dropped),
    lastSession: last,
  });
  const job = jobs.need(state, jobId);
  jobs.set(state, [jobId], { ...job, committed: job.committed - dropped * rate });
  expose(state, partner, { agreements: 0, value: -dropped * rate });
  if (last >= firstSession) return;
  auditsDue.delete(state, firstSession, jobId, partner);
  endAgreement(ctx, jobId, partner, AGREEMENT_STATE.completed, reason);
}

/** Ends an agreement; what it might still have earned is unbound. */
export function endAgreement(
  ctx: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  outcome: number,
  reason: string,
): void {
  const { state, session, height } = ctx;
  const agreement = agreements.need(state, jobId, partner);
  const left = agreement.lastSession - session.number;
  const unbound = left > 0n ? left * agreement.rate : 0n;
  const job = jobs.need(state, jobId);
  jobs.set(state, [jobId], {
    ...job,
    active: job.active - 1,
    committed: job.committed - unbound,
  });
  expose(state, partner, { agreements: -1, value: -unbound });
  if (outcome === AGREEMENT_STATE.completed)
    noteCompleted(ctx, { partner, client: job.client, value: agreement.paid });
  agreements.set(state, [jobId, partner], { ...agreement, state: outcome, endHeight: height });
  agreementsOf.delete(state, partner, jobId);
  ctx.emit(agreementEnded, { job: jobId, partner, paid: agreement.paid, reason });
  jobsDue.set(state, [session.number, jobId], 0);
}

/**
 * Ends a job. Where nobody ever started it the escrow returns at once. Otherwise it stays until the
 * arbitration window has closed: the next payout and one session more.
 */
export function endJob(
  ctx: BlockContext,
  jobId: Uint8Array,
  outcome: number,
  reason: string,
): void {
  const { state, session, height } = ctx;
  const job = jobs.need(state, jobId);
  jobs.set(state, [jobId], { ...job, state: outcome, reason, endHeight: height });
  ctx.emit(jobEnded, { job: jobId, completed: outcome === JOB_STATE.completed ? 1 : 0, reason });
  if (hasAgreements(state, jobId)) {
    refundsDue.set(state, [session.number + 1n, jobId], 0);
    return;
  }
  payoutRows.set(state, [session.number, jobId, NOBODY], cancelledRow(jobId, job, height));
  returnEscrow(ctx, jobId);
}

function hasAgreements(state: KeyValueReader, jobId: Uint8Array): boolean {
  for (const _ of agreements.list(state, jobId)) return true;
  return false;
}

/** Gives back what nothing binds; the rest waits for another session. */
export function returnEscrow(ctx: BlockContext, jobId: Uint8Array): void {
  const { state } = ctx;
  const job = jobs.need(state, jobId);
  const amount = job.escrow - job.committed;
  jobs.set(state, [jobId], {
    ...job,
    escrow: job.committed,
    refunded: job.refunded + amount,
  });
  if (amount > 0n) {
    transfer(state, ESCROW, job.client, amount);
    ctx.emit(escrowReturned, { job: jobId, client: job.client, amount });
  }
  if (job.committed > 0n) refundsDue.set(state, [ctx.session.number + 1n, jobId], 0);
}

/** The row of a job that nobody started: job files are derived from payout files (V2V-5). */
function cancelledRow(job: Uint8Array, { client, height }: Job, endHeight: bigint): PayoutRow {
  return {
    job,
    partner: NOBODY,
    client,
    jobHeight: height,
    startHeight: 0n,
    answerHeight: 0n,
    endHeight,
    amount: 0n,
    sequence: 0,
    status: ROW_STATUS.cancelled,
  };
}
