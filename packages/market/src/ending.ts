/** How jobs end: escrow that nobody can claim any more goes back to the client. */
import { type BlockContext, transfer } from '@palisade/chain';
import type { KeyValueReader } from '@palisade/core';
import { ESCROW } from './escrow.ts';
import { escrowReturned, jobDisputed, jobEnded } from './events.ts';
import { agreements, isOfArchive, JOB_STATE, type Job, jobs, refundsDue } from './job.ts';
import { type PayoutRow, payoutRows, ROW_STATUS } from './payout.ts';

/** Stands in a payout row for the partner of a job that nobody started. */
const NOBODY = new Uint8Array(32);

/** Nobody works on a job any more, but vouchers may still come: it ends when the windows close. */
export function disputeJob(ctx: BlockContext, jobId: Uint8Array): void {
  const job = jobs.need(ctx.state, jobId);
  const reason = 'its term is over and a receipt is missing';
  jobs.set(ctx.state, [jobId], { ...job, state: JOB_STATE.disputed, reason });
  ctx.emit(jobDisputed, { job: jobId, committed: job.committed });
}

/**
 * Ends a job. Where nobody ever started it the escrow returns at once. Otherwise it stays until the
 * arbitration window has closed: the next payout and one session more. A job that was disputed has
 * had its window.
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
  ctx.emit(jobEnded, { job: jobId, outcome, reason });
  if (!hasAgreements(state, jobId)) {
    if (!isOfArchive(job))
      payoutRows.set(state, [session.number, jobId, NOBODY], cancelledRow(jobId, job, height));
    returnEscrow(ctx, jobId);
  } else if (job.state === JOB_STATE.disputed) returnEscrow(ctx, jobId);
  else refundsDue.set(state, [session.number + 1n, jobId], 0);
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
