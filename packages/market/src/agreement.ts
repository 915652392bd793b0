/**
 * What changes an agreement. Whatever does, the job's record of what is bound and the queue of what
 * is due follow here, in one place.
 */
import type { BlockContext } from '@palisade/chain';
import { agreementDisputed, agreementEnded, agreementResolved } from './events.ts';
import {
  AGREEMENT_STATE,
  type Agreement,
  agreements,
  agreementsOf,
  isInteractive,
  isOfArchive,
  jobs,
  jobsDue,
  settlementsDue,
} from './job.ts';
import { boundBy, dueIn, newlyBound } from './rules/bound.ts';
import type { Load } from './standing/limits.ts';
import { expose, noteCompleted } from './standing/notes.ts';

/** Writes a new or a changed agreement that is still to be settled. */
export function putAgreement(
  ctx: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  after: Agreement,
): void {
  const { state, session } = ctx;
  const job = jobs.need(state, jobId);
  const before = agreements.get(state, jobId, partner);
  agreements.set(state, [jobId, partner], after);
  const from = before && dueIn(job, before, session.number);
  const to = dueIn(job, after, session.number);
  if (from !== to) {
    if (from !== undefined) settlementsDue.delete(state, from, jobId, partner);
    settlementsDue.set(state, [to, jobId, partner], 0n);
  }
  const value = newlyBound(job, after, before, session.number);
  bind(ctx, jobId, partner, { agreements: before ? 0 : 1, value });
}

/** What an agreement may still earn is bound in the escrow, and is what the partner has in flight. */
export function bind(
  { state }: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  load: Load,
): void {
  const job = jobs.need(state, jobId);
  jobs.set(state, [jobId], { ...job, committed: job.committed + load.value });
  expose(state, partner, load);
}

/**
 * Makes `lastSession` the last one of a running agreement, if that is sooner. A session that runs
 * still counts: for storage it is audited and paid, since the partner has kept the content in it;
 * for other utility vouchers may still come. A storage agreement whose first session would come
 * later ends at once.
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
  const { firstSession } = agreement;
  const last = lastSession < firstSession ? firstSession - 1n : lastSession;
  if (isInteractive(jobs.need(state, jobId))) {
    // The ceiling stands: what was used until now may be worth all of it.
    putAgreement(ctx, jobId, partner, { ...agreement, lastSession: last });
    return;
  }
  const sessions = agreement.sessions - Number(agreement.lastSession - last);
  putAgreement(ctx, jobId, partner, { ...agreement, sessions, lastSession: last });
  if (last >= firstSession) return;
  settlementsDue.delete(state, firstSession, jobId, partner);
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
  const job = jobs.need(state, jobId);
  if (agreement.state === AGREEMENT_STATE.active)
    jobs.set(state, [jobId], { ...job, active: job.active - 1 });
  const value = -boundBy(job, agreement, session.number + 1n);
  bind(ctx, jobId, partner, { agreements: -1, value });
  if (outcome === AGREEMENT_STATE.completed && !isOfArchive(job))
    noteCompleted(ctx, { partner, client: job.client, value: agreement.paid });
  agreements.set(state, [jobId, partner], { ...agreement, state: outcome, endHeight: height });
  agreementsOf.delete(state, partner, jobId);
  const { paid, usageSequence: sequence } = agreement;
  if (outcome === AGREEMENT_STATE.resolved)
    ctx.emit(agreementResolved, { job: jobId, partner, sequence, paid });
  else ctx.emit(agreementEnded, { job: jobId, partner, paid, reason });
  jobsDue.set(state, [session.number, jobId], 0);
}

/**
 * Opens the arbitration window of an agreement whose last session is over without a receipt. This
 * payout is the first it sees; for one session more the partner may file higher vouchers.
 */
export function disputeAgreement(ctx: BlockContext, jobId: Uint8Array, partner: Uint8Array): void {
  const { state, session } = ctx;
  const agreement = agreements.need(state, jobId, partner);
  const closes = session.number + 1n;
  agreements.set(state, [jobId, partner], { ...agreement, state: AGREEMENT_STATE.disputed });
  settlementsDue.set(state, [closes, jobId, partner], 0n);
  const job = jobs.need(state, jobId);
  jobs.set(state, [jobId], { ...job, active: job.active - 1 });
  ctx.emit(agreementDisputed, {
    job: jobId,
    partner,
    sequence: agreement.usageSequence,
    paid: agreement.paid,
    closes,
  });
  jobsDue.set(state, [session.number, jobId], 0);
}
