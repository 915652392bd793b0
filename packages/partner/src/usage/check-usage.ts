/** Whether what a client signs about its use is worth something. Pure rules. */
import { equalBytes, type Opened, type Refusal, refuse, toHex, type ValueOf } from '@palisade/core';
import {
  amountFor,
  ceilingOf,
  type clientReceipt,
  type JobView,
  type usageVoucher,
} from '@palisade/market/schema';
import { otherPartner } from '../agreements/check-voucher.ts';
import type { UsageRecord } from './usage-record.ts';

export type UsageVoucher = ValueOf<typeof usageVoucher>;
export type UsageReceipt = ValueOf<typeof clientReceipt>;

/** The most units that all vouchers of an agreement may add up to. */
export function limitOf({ size, sessions }: Pick<UsageRecord, 'size' | 'sessions'>): bigint {
  return size * BigInt(sessions);
}

/** Access is sold by the byte, some bytes for each session: without a size there is no price. */
export function checkSize({ job }: JobView): Refusal | undefined {
  if (job.size > 0n) return undefined;
  return refuse('partner/no-size', 'The job does not say how much is wanted for its rate.');
}

/** A voucher that replaces the one before: by the client, for more, at the agreed price. */
export function checkUsage(
  { sender, value }: Opened<UsageVoucher>,
  known: UsageRecord,
  partner: Uint8Array,
  before: Uint8Array,
): Refusal | undefined {
  if (!equalBytes(value.partner, partner)) return otherPartner(value);
  if (!equalBytes(sender, known.client)) return notTheClient(value.job);
  if (known.receiptSignature.length > 0)
    return refuse('market/agreement-over', 'A receipt has ended this agreement.');
  if (value.sequence <= known.sequence || value.units < known.units)
    return refuse(
      'market/voucher-not-newer',
      `Voucher ${known.sequence} is here, for ${known.units} units; a newer one has a higher sequence and no fewer units.`,
      { data: { sequence: known.sequence, units: known.units } },
    );
  if (value.sequence === known.sequence + 1 && !equalBytes(value.previous, before))
    return refuse('partner/voucher-conflict', 'It does not follow the voucher that is here.');
  const owed = amountFor(value.units, known);
  if (value.amount !== owed)
    return refuse(
      'partner/wrong-amount',
      `${value.units} units cost ${owed} base units by the agreed rate, not ${value.amount}.`,
      { data: { owed } },
    );
  const ceiling = ceilingOf(known);
  if (value.amount <= ceiling) return undefined;
  return refuse('market/above-ceiling', `The rate voucher covers ${ceiling} in all.`, {
    data: { ceiling },
  });
}

/** A receipt says just what the last voucher says, and ends with a session that has begun. */
export function checkUsageReceipt(
  { sender, value }: Opened<UsageReceipt>,
  known: UsageRecord,
  { partner, session }: { readonly partner: Uint8Array; readonly session: bigint },
): Refusal | undefined {
  if (!equalBytes(value.partner, partner)) return otherPartner(value);
  if (!equalBytes(sender, known.client)) return notTheClient(value.job);
  if (known.state !== 'active')
    return refuse('partner/not-started', 'The agreement has not started on chain yet.', {
      retry: 'later',
      next: 'Ask for its state, and sign the receipt when it is complete.',
    });
  const { sequence, units, amount } = known;
  if (value.sequence !== sequence || value.units !== units || value.amount !== amount)
    return refuse(
      'market/other-voucher',
      `The last voucher here is ${sequence}, with ${units} units for ${amount}.`,
      { data: { sequence, units, amount } },
    );
  const latest = session < known.lastSession ? session : known.lastSession;
  if (value.lastSession === latest) return undefined;
  return refuse('market/bad-last-session', `The last session is ${latest} now.`, {
    data: { session },
  });
}

function notTheClient(job: Uint8Array): Refusal {
  return refuse(
    'market/not-the-client',
    `Job ${toHex(job)} belongs to another client than the one that signed.`,
  );
}
