/** Agreements of access that run, as tunnels need them: out of the books of use. */
import { type Refusal, refuse } from '@palisade/core';
import { AGREEMENT_STATE, jobQuery } from '@palisade/market/schema';
import { agreementOf } from '../agreements/check-voucher.ts';
import { noAgreement } from '../agreements/desk-door.ts';
import type { Network } from '../network.ts';
import { hexOf } from '../records/agreement.ts';
import type { RecordBook } from '../records/record-book.ts';
import { done, refused } from '../storage/outcome.ts';
import { limitOf } from '../usage/check-usage.ts';
import type { UsageDesk } from '../usage/usage-desk.ts';
import type { UsageRecord } from '../usage/usage-record.ts';
import type { AccessAgreements } from './agreement.ts';

export function accessAgreements(
  book: RecordBook<UsageRecord>,
  desk: UsageDesk,
  { network, partner }: { readonly network: Network; readonly partner: Uint8Array },
): AccessAgreements {
  /** A client may know of its start a moment before our own books do. */
  const lastSessionOf = async ({ job, state, lastSession }: UsageRecord) => {
    if (state === 'active') return lastSession;
    const view = await network.find(jobQuery, { id: job });
    const mine = view && agreementOf(view, partner);
    return mine?.state === AGREEMENT_STATE.active ? mine.lastSession : undefined;
  };
  return {
    async find(job) {
      const known = book.get(hexOf(job));
      if (!known) return refused(noAgreement(job));
      const lastSession = await lastSessionOf(known);
      if (lastSession === undefined) return refused(notStarted());
      const { number } = await network.session();
      const isOver = lastSession < number || known.receiptSignature.length > 0;
      if (isOver) return refused(over());
      return done({
        client: known.client,
        units: known.units,
        lastSession,
        limit: limitOf(known),
        takeVoucher: (envelope) => desk.takeUsage(job, envelope),
      });
    },
  };
}

function notStarted(): Refusal {
  return refuse('partner/not-started', 'The agreement has not started on chain yet.', {
    retry: 'later',
    next: 'Ask for its state, and come when it is complete.',
  });
}

function over(): Refusal {
  return refuse('market/agreement-over', 'The agreement is over.', { next: 'Make a new request.' });
}
