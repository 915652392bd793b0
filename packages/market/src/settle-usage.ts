/**
 * The end of a session for computation and access: what the client vouched for is paid. There is
 * nothing to miss: a partner that does not work gets no vouchers.
 */
import type { BlockContext } from '@palisade/chain';
import { disputeAgreement, endAgreement } from './agreement.ts';
import { AGREEMENT_STATE, agreements, settlementsDue } from './job.ts';
import { payPartner, writeRow } from './pay.ts';
import { ROW_STATUS } from './payout.ts';

/** Pays the running total of the voucher or receipt in force; then what is due next. */
export function settleUsage(ctx: BlockContext, jobId: Uint8Array, partner: Uint8Array): void {
  const agreement = agreements.need(ctx.state, jobId, partner);
  const { vouched, paid, final, usageSequence: sequence } = agreement;
  const amount = vouched - paid;
  if (amount > 0n) payPartner(ctx, jobId, partner, amount);
  conclude(ctx, jobId, partner);
  const status = final === 1 ? ROW_STATUS.earned : ROW_STATUS.partial;
  writeRow(ctx, jobId, partner, { answerHeight: 0n, amount, sequence, status });
}

/** Its term goes on, or a receipt has completed it, or the arbitration window opens or closes. */
function conclude(ctx: BlockContext, jobId: Uint8Array, partner: Uint8Array): void {
  const { state, session } = ctx;
  const agreement = agreements.need(state, jobId, partner);
  if (agreement.final === 1) {
    const reason = 'ended by a receipt of both sides';
    endAgreement(ctx, jobId, partner, AGREEMENT_STATE.completed, reason);
  } else if (agreement.state === AGREEMENT_STATE.disputed) {
    endAgreement(ctx, jobId, partner, AGREEMENT_STATE.resolved, 'arbitration has closed');
  } else if (session.number >= agreement.lastSession) disputeAgreement(ctx, jobId, partner);
  else settlementsDue.set(state, [agreement.lastSession, jobId, partner], 0n);
}
