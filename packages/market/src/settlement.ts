/**
 * What happens when a session ends: its payout file is closed and paid, missed audits are noted,
 * agreements and jobs whose term is over end, and escrow whose window has closed goes back. The
 * cost grows with what is due in the session, never with all jobs.
 */
import { type BlockContext, nodeKeys, transfer } from '@palisade/chain';
import { encode, type KeyValueReader } from '@palisade/core';
import { merkleRoot } from '@palisade/formats';
import { challenge } from './commands/answer.ts';
import { endAgreement, endJob, returnEscrow } from './ending.ts';
import { ESCROW } from './escrow.ts';
import { auditMissed, partnerPaid, payoutClosed } from './events.ts';
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
import { payoutRow, payoutRows, payouts, ROW_STATUS } from './payout.ts';
import { expose, noteEarned, noteMissed } from './standing/notes.ts';

/**
 * Blocks that a partner must have had to answer in: one in which it learns the challenge, one that
 * takes its answer. A session that was shorter (the chain stood still) finds nobody missing.
 */
const LEAST_ANSWER_BLOCKS = 2n;

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
  const agreement = agreements.need(state, jobId, partner);
  const status = statusOf(ctx, agreement, answerHeight);
  const amount = status === ROW_STATUS.earned ? agreement.rate : 0n;
  if (status === ROW_STATUS.earned) {
    const { account } = nodeKeys.need(state, partner);
    transfer(state, ESCROW, account, amount);
    ctx.emit(partnerPaid, { session: session.number, job: jobId, partner, account, amount });
    noteEarned(ctx, { partner, client: job.client, value: amount });
  }
  if (status === ROW_STATUS.missed) {
    emitMiss(ctx, jobId, partner, job.size);
    noteMissed(ctx, partner, agreement.rate);
  }
  expose(state, partner, { agreements: 0, value: -agreement.rate });
  jobs.set(state, [jobId], {
    ...job,
    escrow: job.escrow - amount,
    committed: job.committed - agreement.rate,
    paid: job.paid + amount,
  });
  const after = settled(agreement, status);
  agreements.set(state, [jobId, partner], after);
  const endHeight = endOrGoOn(ctx, jobId, partner, after) ? ctx.height : 0n;
  payoutRows.set(state, [session.number, jobId, partner], {
    job: jobId,
    partner,
    client: job.client,
    jobHeight: job.height,
    startHeight: agreement.startHeight,
    answerHeight,
    endHeight,
    amount,
    sequence: agreement.sequence,
    status,
  });
}

function statusOf(ctx: BlockContext, agreement: Agreement, answerHeight: bigint): number {
  if (answerHeight !== 0n) return ROW_STATUS.earned;
  const { randomnessHeight } = ctx.session;
  if (randomnessHeight === 0n) return ROW_STATUS.excused;
  const last = ctx.height - 1n;
  const inTime =
    last - randomnessHeight >= LEAST_ANSWER_BLOCKS &&
    last - agreement.startHeight >= LEAST_ANSWER_BLOCKS;
  return inTime ? ROW_STATUS.missed : ROW_STATUS.excused;
}

function settled(agreement: Agreement, status: number): Agreement {
  const { answered, missed, missedInRow, paid, rate } = agreement;
  if (status === ROW_STATUS.earned)
    return { ...agreement, answered: answered + 1, missedInRow: 0, paid: paid + rate };
  if (status === ROW_STATUS.missed)
    return { ...agreement, missed: missed + 1, missedInRow: missedInRow + 1 };
  return agreement;
}

/** Whether the agreement is over with this session; otherwise it is audited in the next. */
function endOrGoOn(
  ctx: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  { missedInRow, lastSession }: Agreement,
): boolean {
  const { state, session } = ctx;
  const lost = missedInRow >= params.need(state).missesToLose;
  if (!lost && session.number < lastSession) {
    auditsDue.set(state, [session.number + 1n, jobId, partner], 0n);
    return false;
  }
  const outcome = lost ? AGREEMENT_STATE.lost : AGREEMENT_STATE.completed;
  const reason = lost ? `${missedInRow} audits missed in a row` : 'its last session is over';
  endAgreement(ctx, jobId, partner, outcome, reason);
  return true;
}

/** The miss cites its challenge, so that anyone can see what was asked. */
function emitMiss(ctx: BlockContext, jobId: Uint8Array, partner: Uint8Array, size: bigint): void {
  const { number, randomness: seed } = ctx.session;
  const { auditSamples } = params.need(ctx.state);
  const leaves = challenge(seed, jobId, partner, size, auditSamples).map(BigInt);
  ctx.emit(auditMissed, { job: jobId, partner, session: number, seed, leaves });
}

/** Whether a job is over: nobody started it in time, or its term is over and nobody works on it. */
function reviewJob(ctx: BlockContext, jobId: Uint8Array): void {
  const { state, session } = ctx;
  const job = jobs.need(state, jobId);
  if (job.state === JOB_STATE.confirmed && session.number > job.session) {
    endJob(ctx, jobId, JOB_STATE.cancelled, 'no partner started it in time');
    return;
  }
  if (job.state !== JOB_STATE.started || job.active > 0) return;
  const termEnd = job.session + BigInt(job.sessions);
  const completed = completedPartners(state, jobId);
  // Until then, another partner may take the place of one that was lost.
  if (completed < job.partners && session.number < termEnd) jobsDue.set(state, [termEnd, jobId], 0);
  else if (completed > 0) endJob(ctx, jobId, JOB_STATE.completed, 'the term is over');
  else endJob(ctx, jobId, JOB_STATE.cancelled, 'all of its partners were lost');
}

function completedPartners(state: KeyValueReader, jobId: Uint8Array): number {
  let count = 0;
  for (const [, agreement] of agreements.list(state, jobId))
    if (agreement.state === AGREEMENT_STATE.completed) count++;
  return count;
}

function closePayoutFile(ctx: BlockContext): void {
  const { state, session, height } = ctx;
  const leaves: Uint8Array[] = [];
  let total = 0n;
  for (const [, row] of payoutRows.list(state, session.number)) {
    leaves.push(encode(payoutRow, row));
    total += row.amount;
  }
  const root = merkleRoot(leaves);
  payouts.set(state, [session.number], { root, rows: leaves.length, total, height });
  ctx.emit(payoutClosed, { session: session.number, root, rows: leaves.length, total });
}
