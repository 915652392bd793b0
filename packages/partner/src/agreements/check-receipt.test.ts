import type { Opened } from '@palisade/core';
import { type Receipt, storageReceipt } from '@palisade/market/schema';
import { describe, expect, it } from 'vitest';
import type { AgreementRecord } from '../records/agreement.ts';
import { checkReceipt } from './check-receipt.ts';

const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill);
const client = bytes(20, 1);
const partner = bytes(32, 2);
const ends = { job: bytes(32, 3), partner, sequence: 2, lastSession: 7n };
const receipt = storageReceipt(ends);
const agreement = {
  client,
  state: 'active',
  sequence: 2,
  firstSession: 5n,
  lastSession: 9n,
  receiptSession: 0n,
} as AgreementRecord;
const check = (value: Partial<Receipt>, record: Partial<AgreementRecord> = {}, sender = client) =>
  checkReceipt(
    { value: { ...receipt, ...value }, sender } as Opened<Receipt>,
    { ...agreement, ...record },
    { partner, session: 6n },
  )?.code;

describe('a receipt', () => {
  it('[P2V-8] of the client about the voucher in force is counter-signed', () => {
    expect(check({})).toBeUndefined();
    expect(check({ lastSession: 6n })).toBeUndefined();
    expect(check({ lastSession: 9n })).toBeUndefined();
  });

  it('[P2V-8] of somebody else, for another partner or another voucher is not', () => {
    expect(check({}, {}, bytes(20, 8))).toBe('market/not-the-client');
    expect(check({ partner: bytes(32, 8) })).toBe('partner/other-partner');
    expect(check({ sequence: 1 })).toBe('market/other-voucher');
    expect(check({}, { state: 'starting' })).toBe('partner/not-started');
  });

  it('[P2V-8] that names use is not: storage is paid by its audits', () => {
    for (const use of [{ units: 1n }, { amount: 1n }, { result: bytes(32, 1) }])
      expect(check(use)).toBe('market/not-interactive');
  });

  it('[P2V-8] that ends in the past, after the term, or later than one before it is not', () => {
    expect(check({ lastSession: 5n })).toBe('market/bad-last-session');
    expect(check({ lastSession: 10n })).toBe('market/bad-last-session');
    expect(check({ lastSession: 8n }, { receiptSession: 7n })).toBe('market/bad-last-session');
    expect(check({ lastSession: 7n }, { receiptSession: 7n })).toBeUndefined();
    expect(check({ lastSession: 6n }, { receiptSession: 7n })).toBeUndefined();
  });
});
