/** What is remembered so that a validator can be held to its duties, and for how long. */
import { bytesKey, collection, u64Key } from '@palisade/chain';
import { address, bytes32, type Infer, list, record, u8, u16, u64, u128 } from '@palisade/core';
import { MAX_DIRECTORY } from '../messages/confirmation.ts';

/**
 * Validators that had a seat when a session began, by session. Who lost its seat since then still
 * stands in it: nobody takes over a duty in the middle of a session without knowing.
 */
export const rosters = collection({
  store: 'market',
  name: 'roster',
  key: [u64Key],
  value: list(bytes32, MAX_DIRECTORY),
});

/** When job files were closed, by height: only of those about which complaints can still be made. */
export const fileTimes = collection({
  store: 'market',
  name: 'file-time',
  key: [u64Key],
  value: u64.is('Block time, ms since 1970'),
});

export const COMPLAINT_STATE = { open: 1, dismissed: 2 } as const;

export const complaintRecord = record('Complaint', {
  account: address.is('Whose money is held'),
  deposit: u128.is('Base units'),
  sequence: u64.is('Of the READY that it rests on'),
  fileMs: u64.is("Block time of the job's block, ms since 1970"),
  state: u8.is('1 open, 2 dismissed'),
});
export type Complaint = Infer<typeof complaintRecord>;

/**
 * Complaints, keyed session, job, validator, partner: they are decided when that session ends, and
 * forgotten there. By then none can be made about the same job any more.
 */
export const complaints = collection({
  store: 'market',
  name: 'complaint',
  key: [u64Key, bytesKey(32), bytesKey(32), bytesKey(32)],
  value: complaintRecord,
});

/** How many complaints of a partner are open; nothing where none is. */
export const openComplaints = collection({
  store: 'market',
  name: 'open-complaints',
  key: [bytesKey(32)],
  value: u16,
});

/** Omissions that count already, keyed session of the report, validator, transaction. */
export const omissions = collection({
  store: 'market',
  name: 'omission',
  key: [u64Key, bytesKey(32), bytesKey(32)],
  value: u8,
});
