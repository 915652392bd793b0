/** What a partner remembers of an agreement, and the form in which it stands on disk. */
import {
  address,
  byteList,
  bytes32,
  type Infer,
  record,
  text,
  toHex,
  u8,
  u32,
  u64,
  u128,
} from '@palisade/core';

/**
 * upload -> starting -> active -> ended. What comes before, offered and matched, is in the book of
 * offers: a promise of room, not yet an agreement.
 */
export type AgreementState = 'upload' | 'starting' | 'active' | 'ended';

/** Version of the form; a change of fields needs a new one. */
export const RECORD_VERSION = 1;
/** Bytes of a voucher's or receipt's envelope: about 270; room for a longer name. */
const MAX_EVIDENCE = 1024;

export const agreementForm = record('PartnerAgreement', {
  version: u8,
  job: bytes32,
  client: address,
  contentId: bytes32,
  size: u64.is('Bytes of the content'),
  state: text(16).is('upload, starting, active or ended'),
  sinceMs: u64.is('Time of the first voucher, ms since 1970'),
  voucher: byteList(MAX_EVIDENCE).is("Envelope of the client's latest voucher"),
  clientSignature: byteList(65).is('Of that voucher'),
  sequence: u32.is('Of the latest voucher, like rate and sessions'),
  rate: u128.is('Base units per session'),
  sessions: u32,
  filedSequence: u32.is('Of the voucher in force on chain; 0 before the start'),
  filedRate: u128.is('The rate in force on chain, base units per session'),
  transaction: byteList(32).is('Id of the last start that was filed; empty before'),
  firstSession: u64.is('First audited session; 0 before the start'),
  lastSession: u64.is('Last audited session; 0 before the start'),
  receipt: byteList(MAX_EVIDENCE).is("Envelope of the client's receipt; empty without one"),
  receiptSignature: byteList(65),
  receiptSequence: u32,
  receiptSession: u64.is(
    'Last session by that receipt; 0 without one, or when the chain refused it',
  ),
  receiptMs: u64.is('When it came, ms since 1970'),
  reason: text(200).is('Why it ended'),
});

/** What of a record is empty before anything came of the agreement. */
export const NOTHING_YET = {
  version: RECORD_VERSION,
  voucher: new Uint8Array(0),
  clientSignature: new Uint8Array(0),
  filedSequence: 0,
  filedRate: 0n,
  transaction: new Uint8Array(0),
  firstSession: 0n,
  lastSession: 0n,
  receipt: new Uint8Array(0),
  receiptSignature: new Uint8Array(0),
  receiptSequence: 0,
  receiptSession: 0n,
  receiptMs: 0n,
  reason: '',
} as const;

type Stored = Infer<typeof agreementForm>;
export type AgreementRecord = Readonly<Omit<Stored, 'state'>> & { readonly state: AgreementState };

/** Ids as keys of maps and names of files: 64 hex digits. */
export type HexId = string;

export function hexOf(id: Uint8Array): HexId {
  return toHex(id).slice(2);
}

const STATES: ReadonlySet<string> = new Set(['upload', 'starting', 'active', 'ended']);

/** @throws PalisadeError `schema/invalid` for anything that is not such a record. */
export function agreementFromJson(json: unknown): AgreementRecord {
  const stored = agreementForm.fromJson(json, '');
  if (stored.version !== RECORD_VERSION || !STATES.has(stored.state))
    throw new Error(`version ${stored.version}, state '${stored.state}' is none of ours`);
  return stored as AgreementRecord;
}

/** Bytes of the content as a number: the store's largest is 2^38. */
export function sizeOf(agreement: AgreementRecord): number {
  return Number(agreement.size);
}
