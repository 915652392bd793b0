/** What one row of the payout file does: money leaves the escrow, and the row is written. */
import { type BlockContext, nodeKeys, transfer } from '@palisade/chain';
import { bind } from './agreement.ts';
import { ESCROW } from './escrow.ts';
import { partnerPaid } from './events.ts';
import { agreements, isOfArchive, jobs } from './job.ts';
import { type PayoutRow, payoutRows } from './payout.ts';
import { noteEarned } from './standing/notes.ts';

/** Pays the account behind a partner, out of what its agreement has bound. */
export function payPartner(
  ctx: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  amount: bigint,
): void {
  const { state, session } = ctx;
  const { account } = nodeKeys.need(state, partner);
  transfer(state, ESCROW, account, amount);
  const job = jobs.need(state, jobId);
  jobs.set(state, [jobId], {
    ...job,
    escrow: job.escrow - amount,
    paid: job.paid + amount,
  });
  const agreement = agreements.need(state, jobId, partner);
  agreements.set(state, [jobId, partner], { ...agreement, paid: agreement.paid + amount });
  bind(ctx, jobId, partner, { agreements: 0, value: -amount });
  ctx.emit(partnerPaid, { session: session.number, job: jobId, partner, account, amount });
  // Nobody's word stands behind it: the archive is no client that could recommend anyone.
  if (!isOfArchive(job)) noteEarned(ctx, { partner, client: job.client, value: amount });
}

/** Writes the row of an agreement that was settled, once it is known whether it ended; of the archive's there is none. */
export function writeRow(
  ctx: BlockContext,
  jobId: Uint8Array,
  partner: Uint8Array,
  settled: Pick<PayoutRow, 'answerHeight' | 'amount' | 'sequence' | 'status'>,
): void {
  const { state, session } = ctx;
  const job = jobs.need(state, jobId);
  if (isOfArchive(job)) return;
  const { startHeight, endHeight } = agreements.need(state, jobId, partner);
  payoutRows.set(state, [session.number, jobId, partner], {
    job: jobId,
    partner,
    client: job.client,
    jobHeight: job.height,
    startHeight,
    endHeight,
    ...settled,
  });
}
