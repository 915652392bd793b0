/** Whether a client's receipt is one to sign too (P2V-8). Pure rules. */
import { equalBytes, type Opened, type Refusal, refuse, toHex } from '@palisade/core';
import { isStorageReceipt, type Receipt } from '@palisade/market/schema';
import type { AgreementRecord } from '../records/agreement.ts';
import { otherPartner } from './check-voucher.ts';

/** It must be the client's, about the voucher in force, name no use, and end with this session or a later one. */
export function checkReceipt(
  { sender, value }: Opened<Receipt>,
  agreement: AgreementRecord,
  { partner, session }: { readonly partner: Uint8Array; readonly session: bigint },
): Refusal | undefined {
  if (!equalBytes(value.partner, partner)) return otherPartner(value);
  if (!equalBytes(sender, agreement.client))
    return refuse(
      'market/not-the-client',
      `Job ${toHex(value.job)} belongs to another client than the one that signed.`,
    );
  if (agreement.state !== 'active')
    return refuse('partner/not-started', 'The agreement has not started on chain yet.', {
      retry: 'later',
      next: 'Ask for its state, and sign the receipt when it is complete.',
    });
  if (!isStorageReceipt(value))
    return refuse(
      'market/not-interactive',
      'Storage is paid by its audits: its receipt names no units, no amount and no result.',
    );
  if (value.sequence !== agreement.sequence)
    return refuse(
      'market/other-voucher',
      `The voucher in force has sequence ${agreement.sequence}, not ${value.sequence}.`,
      { data: { sequence: agreement.sequence } },
    );
  const { lastSession, receiptSession } = agreement;
  const latest = receiptSession > 0n && receiptSession < lastSession ? receiptSession : lastSession;
  const first = session > agreement.firstSession ? session : agreement.firstSession;
  if (value.lastSession < session || value.lastSession > latest)
    return refuse(
      'market/bad-last-session',
      `The last session can be ${first} to ${latest}, not ${value.lastSession}.`,
      { data: { session: `${session}` } },
    );
  return undefined;
}
