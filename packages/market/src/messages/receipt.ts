import { bytes32, equalBytes, message, u32, u64, u128, type ValueOf } from '@palisade/core';

/** What both sides say when an agreement ends; the commands that file a receipt repeat it. */
export const receiptTerms = {
  job: bytes32,
  partner: bytes32.is("The partner's node key"),
  sequence: u32.is(
    'Storage: of the voucher that it ends; otherwise not below the last usage voucher',
  ),
  lastSession: u64.is('Last session that counts'),
  units: u64.is('Used in all; 0 for storage'),
  amount: u128.is('Owed in all, base units; 0 for storage, which is paid by its audits'),
  result: bytes32.is('Hash of the result of a computation; otherwise zero'),
};

/** The end of an agreement, in the client's words. */
export const clientReceipt = message({
  name: 'market.client-receipt',
  title: 'Receipt of the client',
  doc: 'The client agrees that the agreement ends.',
  signer: 'account',
  fields: receiptTerms,
});
export type Receipt = ValueOf<typeof clientReceipt>;

/** The same in the partner's words; both together complete the agreement. */
export const partnerReceipt = message({
  name: 'market.partner-receipt',
  title: 'Receipt of the partner',
  doc: 'The partner agrees that the agreement ends.',
  signer: 'node',
  fields: receiptTerms,
});

const NO_RESULT = new Uint8Array(32);

/** A receipt of storage: it says when the agreement ends, and nothing of use. */
export function storageReceipt(
  ends: Pick<Receipt, 'job' | 'partner' | 'sequence' | 'lastSession'>,
): Receipt {
  return { ...ends, units: 0n, amount: 0n, result: NO_RESULT };
}

/** Whether a receipt says nothing of use. */
export function isStorageReceipt({ units, amount, result }: Receipt): boolean {
  return units === 0n && amount === 0n && equalBytes(result, NO_RESULT);
}
