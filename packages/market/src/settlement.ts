/**
 * What happens when a session ends: its payout file is closed and paid, missed audits are noted,
 * agreements and jobs whose term is over end, and escrow whose window has closed goes back. The
 * cost grows with what is due in the session, never with all jobs.
 */
import { type BlockContext, randomness, transfer } from '@palisade/chain';
import { encode, type KeyValueReader } from '@palisade/core';
import { merkleRoot } from '@palisade/formats';
import { challenge } from './commands/answer.ts';
import { ESCROW } from './commands/request.ts';
import { accountOfPartner } from './commands/start.ts';
import {
  agreementEnded,
  auditMissed,
  escrowReturned,
  jobEnded,
  partnerPaid,
  payoutClosed,
} from './events.ts';
import {
  AGREEMENT_STATE,
  type Agreement,
  agreements,
  auditsDue,
  JOB_STATE,
  jobs,
  jobsDue,
  refundsDue,
} from './job.ts';
import { params } from './params.ts';
import { type PayoutRow, payoutRow, payoutRows, payouts, ROW_STATUS } from './payout.ts';

const NOBODY = new Uint8Array(32);

/** Closes the session that `ctx.session` still is. */
export function closeSession(ctx: BlockContext): void {
  const { state, session } = ctx;
  for (const [[, jobId, partner], answerHeight] of [...auditsDue.list(state, session.number)]) {
    auditsDue.delete(state, session.number, jobId, partner);
    settleAudit(ctx, jobId, partner, answerHeight);
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
}

/** One row of the payout file: pay what was earned, or note the miss; then what is due next. */
function settleAudit(
  ctx: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  answerHeight: bigint,
): void {
  const { state, session } = ctx;
  const job = jobs.need(state, jobId);
  const before = agreements.need(state, jobId, partner);
  const earned = answerHeight !== 0n;
  const amount = earned ? before.rate : 0n;
  const after = earned ? answered(before, amount) : missed(before);
  if (earned) {
    const account = accountOfPartner(ctx, partner);
    transfer(state, ESCROW, account, amount);
    ctx.emit(partnerPaid, { session: session.number, job: jobId, partner, account, amount });
  } else emitMiss(ctx, jobId, partner, job.size);
  jobs.set(state, [jobId], {
    ...job,
    escrow: job.escrow - amount,
    committed: job.committed - before.rate,
    paid: job.paid + amount,
  });
  agreements.set(state, [jobId, partner], after);
  const lost = after.missedInRow >= params.need(state).missesToLose;
  if (lost)
    endAgreement(
      ctx,
      jobId,
      partner,
      AGREEMENT_STATE.lost,
      `${after.missedInRow} audits missed in a row`,
    );
  else if (session.number >= after.lastSession)
    endAgreement(ctx, jobId, partner, AGREEMENT_STATE.completed, 'the term is over');
  else auditsDue.set(state, [session.number + 1n, jobId, partner], 0n);
  const ended = agreements.need(state, jobId, partner).endHeight;
  payoutRows.set(state, [session.number, jobId, partner], {
    job: jobId,
    partner,
    client: job.client,
    jobHeight: job.height,
    startHeight: before.startHeight,
    answerHeight,
    endHeight: ended,
    amount,
    sequence: before.sequence,
    status: earned ? ROW_STATUS.earned : ROW_STATUS.missed,
  });
}

function answered(agreement: Agreement, amount: bigint): Agreement {
  const { answered: count, paid } = agreement;
  return { ...agreement, answered: count + 1, missedInRow: 0, paid: paid + amount };
}

function missed(agreement: Agreement): Agreement {
  const { missed: count, missedInRow } = agreement;
  return { ...agreement, missed: count + 1, missedInRow: missedInRow + 1 };
}

/** The miss cites its challenge, so that anyone can see what was asked. */
function emitMiss(ctx: BlockContext, jobId: Uint8Array, partner: Uint8Array, size: bigint): void {
  const seed = randomness.ofSession(ctx.session) ?? NOBODY;
  const { auditSamples } = params.need(ctx.state);
  const leaves = challenge(seed, jobId, partner, size, auditSamples).map(BigInt);
  ctx.emit(auditMissed, { job: jobId, partner, session: ctx.session.number, seed, leaves });
}

/** Ends an agreement; what it might still have earned is unbound. */
function endAgreement(
  ctx: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  state: number,
  reason: string,
): void {
  const agreement = agreements.need(ctx.state, jobId, partner);
  const left = agreement.lastSession - ctx.session.number;
  const job = jobs.need(ctx.state, jobId);
  jobs.set(ctx.state, [jobId], {
    ...job,
    active: job.active - 1,
    committed: job.committed - (left > 0n ? left * agreement.rate : 0n),
  });
  agreements.set(ctx.state, [jobId, partner], { ...agreement, state, endHeight: ctx.height });
  ctx.emit(agreementEnded, { job: jobId, partner, paid: agreement.paid, reason });
  jobsDue.set(ctx.state, [ctx.session.number, jobId], 0);
}

/** Whether a job is over: nobody started it in time, or its term is over and nobody works on it. */
function reviewJob(ctx: BlockContext, jobId: Uint8Array): void {
  const job = jobs.need(ctx.state, jobId);
  if (job.state === JOB_STATE.confirmed && ctx.session.number > job.session) {
    endJob(ctx, jobId, JOB_STATE.cancelled, 'no partner started it in time');
    payoutRows.set(
      ctx.state,
      [ctx.session.number, jobId, NOBODY],
      cancelledRow(jobId, job, ctx.height),
    );
    return;
  }
  if (job.state !== JOB_STATE.started || job.active > 0) return;
  const termEnd = job.session + BigInt(job.sessions);
  const others = completedPartners(ctx.state, jobId) >= job.partners;
  if (others || ctx.session.number >= termEnd)
    endJob(ctx, jobId, JOB_STATE.completed, 'the term is over');
  else jobsDue.set(ctx.state, [termEnd, jobId], 0);
}

function completedPartners(state: KeyValueReader, jobId: Uint8Array): number {
  let count = 0;
  for (const [, agreement] of agreements.list(state, jobId))
    if (agreement.state === AGREEMENT_STATE.completed) count++;
  return count;
}

function cancelledRow(
  jobId: Uint8Array,
  job: { readonly client: Uint8Array; readonly height: bigint },
  height: bigint,
): PayoutRow {
  return {
    job: jobId,
    partner: NOBODY,
    client: job.client,
    jobHeight: job.height,
    startHeight: 0n,
    answerHeight: 0n,
    endHeight: height,
    amount: 0n,
    sequence: 0,
    status: ROW_STATUS.cancelled,
  };
}

/**
 * Ends a job. Escrow that nobody can earn any more returns at once; what an agreement did bind
 * stays until the arbitration window has closed: the next payout and one session more.
 */
export function endJob(ctx: BlockContext, jobId: Uint8Array, state: number, reason: string): void {
  const job = jobs.need(ctx.state, jobId);
  jobs.set(ctx.state, [jobId], { ...job, state, reason, endHeight: ctx.height });
  ctx.emit(jobEnded, { job: jobId, completed: state === JOB_STATE.completed ? 1 : 0, reason });
  if (hasAgreements(ctx.state, jobId))
    refundsDue.set(ctx.state, [ctx.session.number + 1n, jobId], 0);
  else returnEscrow(ctx, jobId);
}

function hasAgreements(state: KeyValueReader, jobId: Uint8Array): boolean {
  for (const _ of agreements.list(state, jobId)) return true;
  return false;
}

function returnEscrow(ctx: BlockContext, jobId: Uint8Array): void {
  const job = jobs.need(ctx.state, jobId);
  const amount = job.escrow - job.committed;
  if (amount > 0n) {
    transfer(ctx.state, ESCROW, job.client, amount);
    ctx.emit(escrowReturned, { job: jobId, client: job.client, amount });
  }
  const escrow = job.escrow - amount;
  jobs.set(ctx.state, [jobId], { ...job, escrow, refunded: job.refunded + amount });
  if (escrow > 0n) refundsDue.set(ctx.state, [ctx.session.number + 1n, jobId], 0);
}

function closePayoutFile(ctx: BlockContext): void {
  const { state, session } = ctx;
  const leaves: Uint8Array[] = [];
  let total = 0n;
  for (const [, row] of payoutRows.list(state, session.number)) {
    leaves.push(encode(payoutRow, row));
    total += row.amount;
  }
  const root = merkleRoot(leaves);
  payouts.set(state, [session.number], { root, rows: leaves.length, total, height: ctx.height });
  ctx.emit(payoutClosed, { session: session.number, root, rows: leaves.length, total });
}
