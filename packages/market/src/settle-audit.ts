/** The end of a session for storage: an answered audit earns the rate, a missed one is noted. */
import type { BlockContext } from '@palisade/chain';
import { bind, endAgreement } from './agreement.ts';
import { challenge } from './commands/answer.ts';
import { auditMissed } from './events.ts';
import {
  AGREEMENT_STATE,
  type Agreement,
  agreements,
  isOfArchive,
  jobs,
  jobsDue,
  settlementsDue,
} from './job.ts';
import { params } from './params.ts';
import { payPartner, writeRow } from './pay.ts';
import { ROW_STATUS } from './payout.ts';
import { noteChallengePassed, noteMissed } from './standing/notes.ts';
import { ROLE } from './standing/records.ts';

/**
 * Blocks that a partner must have had to answer in: one in which it learns the challenge, one that
 * takes its answer. A session that was shorter (the chain stood still) finds nobody missing.
 */
const LEAST_ANSWER_BLOCKS = 2n;

/** Pays what was earned, or notes the miss; then what is due next. */
export function settleAudit(
  ctx: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  answerHeight: bigint,
): void {
  const { state } = ctx;
  const agreement = agreements.need(state, jobId, partner);
  const { rate, sequence } = agreement;
  const status = statusOf(ctx, agreement, answerHeight);
  const amount = status === ROW_STATUS.earned ? rate : 0n;
  if (status === ROW_STATUS.earned) {
    payPartner(ctx, jobId, partner, rate);
    noteChallengePassed(ctx, ROLE.partner, partner);
  } else bind(ctx, jobId, partner, { agreements: 0, value: -rate });
  if (status === ROW_STATUS.missed) {
    emitMiss(ctx, jobId, partner);
    noteMissed(ctx, partner, rate);
  }
  const paid = agreements.need(state, jobId, partner);
  agreements.set(state, [jobId, partner], counted(paid, status));
  endOrGoOn(ctx, jobId, partner);
  writeRow(ctx, jobId, partner, { answerHeight, amount, sequence, status });
  // What the archive's partners have proven decides about the validators' rows.
  if (isOfArchive(jobs.need(state, jobId))) jobsDue.set(state, [ctx.session.number, jobId], 0);
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

function counted(agreement: Agreement, status: number): Agreement {
  const { answered, missed, missedInRow } = agreement;
  if (status === ROW_STATUS.earned) return { ...agreement, answered: answered + 1, missedInRow: 0 };
  if (status === ROW_STATUS.missed)
    return { ...agreement, missed: missed + 1, missedInRow: missedInRow + 1 };
  return agreement;
}

/** The agreement is over with this session, or it is audited in the next. */
function endOrGoOn(ctx: BlockContext, jobId: Uint8Array, partner: Uint8Array): void {
  const { state, session } = ctx;
  const { missedInRow, lastSession } = agreements.need(state, jobId, partner);
  const lost = missedInRow >= params.need(state).missesToLose;
  if (!lost && session.number < lastSession) {
    settlementsDue.set(state, [session.number + 1n, jobId, partner], 0n);
    return;
  }
  const outcome = lost ? AGREEMENT_STATE.lost : AGREEMENT_STATE.completed;
  const reason = lost ? `${missedInRow} audits missed in a row` : 'its last session is over';
  endAgreement(ctx, jobId, partner, outcome, reason);
}

/** The miss cites its challenge, so that anyone can see what was asked. */
function emitMiss(ctx: BlockContext, jobId: Uint8Array, partner: Uint8Array): void {
  const { number, randomness: seed } = ctx.session;
  const { auditSamples } = params.need(ctx.state);
  const { size } = jobs.need(ctx.state, jobId);
  const leaves = challenge(seed, jobId, partner, size, auditSamples).map(BigInt);
  ctx.emit(auditMissed, { job: jobId, partner, session: number, seed, leaves });
}
