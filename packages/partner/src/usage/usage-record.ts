/**
 * What a partner remembers of an agreement whose use is vouched for (computation, access), and the
 * form in which it stands on disk. The vouchers in it are the partner's money.
 */
import {
  address,
  byteList,
  bytes32,
  type Infer,
  record,
  text,
  u8,
  u32,
  u64,
  u128,
} from '@palisade/core';

/** starting -> active -> ended: nothing is uploaded, so it starts with the rate voucher. */
export type UsageState = 'starting' | 'active' | 'ended';
const STATES: ReadonlySet<string> = new Set(['starting', 'active', 'ended']);

/** Version of the form; a change of fields needs a new one. */
export const USAGE_VERSION = 1;
const SIGNATURE = byteList(65);

export const usageForm = record('PartnerUsage', {
  version: u8,
  job: bytes32,
  client: address,
  size: u64.is('Of the job: units per session that its rate pays for'),
  state: text(16).is('starting, active or ended'),
  sinceMs: u64.is('Time of the rate voucher, ms since 1970'),
  rateSequence: u32.is('Of the rate voucher'),
  rate: u128.is('Base units per session; with the sessions, the ceiling of all vouchers'),
  sessions: u32,
  rateSignature: SIGNATURE.is("The client's, over market.rate-voucher"),
  transaction: byteList(32).is('Id of the last start that was filed; empty before'),
  lastSession: u64.is('Last session that counts; 0 before the start'),
  sequence: u32.is('Of the highest usage voucher; 0 before the first, like what follows'),
  units: u64,
  amount: u128,
  timeMs: u64,
  previous: bytes32,
  signature: SIGNATURE.is("The client's, over market.usage-voucher"),
  filedInSession: u64.is('When a usage voucher was filed last; the first session before that'),
  receiptSequence: u32.is('Of the receipt that both signed, like what follows'),
  receiptSession: u64,
  receiptSignature: SIGNATURE.is("The client's, over market.client-receipt; empty without one"),
  receiptMs: u64.is('When it came, ms since 1970'),
  reason: text(200).is('Why it ended'),
});

type Stored = Infer<typeof usageForm>;
export type UsageRecord = Readonly<Omit<Stored, 'state'>> & { readonly state: UsageState };

/** @throws PalisadeError `schema/invalid` for anything that is not such a record. */
export function usageFromJson(json: unknown): UsageRecord {
  const stored = usageForm.fromJson(json, '');
  if (stored.version !== USAGE_VERSION || !STATES.has(stored.state))
    throw new Error(`version ${stored.version}, state '${stored.state}' is none of ours`);
  return stored as UsageRecord;
}
