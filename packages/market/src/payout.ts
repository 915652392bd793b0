/**
 * The payout file of a session: one row per agreement that was due in it, what it earned or why
 * not. Its root is proven; job files derive from it (V2V-5).
 */
import { bytesKey, collection, type State, u64Key } from '@palisade/chain';
import { address, bytes32, type Infer, record, u8, u32, u64, u128 } from '@palisade/core';
import { merkleRoot } from '@palisade/formats';

export const ROW_STATUS = { earned: 1, missed: 2, cancelled: 3, excused: 4, partial: 5 } as const;

export const payoutRow = record('PayoutRow', {
  job: bytes32,
  partner: bytes32.is('Zero in the row of a job that nobody started'),
  client: address,
  jobHeight: u64.is('Block whose job file holds the job'),
  startHeight: u64.is('Block of the start; 0 without one'),
  answerHeight: u64.is('Block of the audit answer; 0 without one'),
  endHeight: u64.is('Block that completed it; 0 while it runs'),
  amount: u128.is('Paid, base units'),
  sequence: u32.is('Of the voucher in force'),
  status: u8.is(
    '1 earned, 2 missed, 3 cancelled, 4 excused: no time to answer, 5 partial: no receipt yet',
  ),
});
export type PayoutRow = Infer<typeof payoutRow>;

export const payoutRows = collection({
  store: 'market',
  name: 'payout-row',
  key: [u64Key, bytesKey(32), bytesKey(32)],
  value: payoutRow,
});

export const payoutSummary = record('PayoutSummary', {
  root: bytes32.is('RFC 6962 Merkle root over the rows, by job and partner'),
  content: bytes32.is('Content id of the payout file: the same rows as bytes'),
  rows: u32,
  total: u128,
  height: u64.is('Block that closed it'),
});
export type PayoutSummary = Infer<typeof payoutSummary>;

/** Proven, so that a light client can hold a partner's earnings against it. */
export const payouts = collection({
  store: 'payouts',
  name: 'payout',
  key: [u64Key],
  value: payoutSummary,
});

export const jobFileSummary = record('JobFileSummary', {
  root: bytes32.is('RFC 6962 Merkle root over the ids of the jobs of the block, ascending'),
  jobs: u32,
});

/** The job files of blocks that had any: they stay, so that rows can be held against them wherever they lie. */
export const jobFiles = collection({
  store: 'payouts',
  name: 'job-file',
  key: [u64Key],
  value: jobFileSummary,
});

/**
 * Writes the empty job file of genesis: a store without any record could not prove that something
 * is absent from it (spec/proven-store.md, "Limits").
 */
export function openPayoutStore(state: State): void {
  jobFiles.set(state, [0n], { root: merkleRoot([]), jobs: 0 });
}
