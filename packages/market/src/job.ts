/** Jobs and agreements: what the market remembers of each. */

import { bytesKey, collection, u64Key } from '@palisade/chain';
import { address, bytes32, type Infer, record, text, u8, u32, u64, u128 } from '@palisade/core';

/** Kinds of utility. Computation and access have numbers already, so that records keep their form. */
export const UTILITY = { storage: 1, computation: 2, access: 3 } as const;
export const utility = u8.is('1 storage, 2 computation, 3 access');

/**
 * A job's life on chain. What comes before CONFIRMED, and the offers and matches between CONFIRMED
 * and STARTED, are signed messages between the parties.
 */
export const JOB_STATE = { confirmed: 1, started: 2, completed: 3, cancelled: 4 } as const;

export const jobRecord = record('Job', {
  client: address,
  utility,
  subject: bytes32.is('What it is about: for storage, the content id'),
  size: u64.is('Bytes of the subject'),
  partners: u8.is('How many partners are wanted, each with a full copy'),
  sessions: u32.is('Term'),
  maxRate: u128.is('Most per partner and session, base units'),
  height: u64.is('Block that confirmed it'),
  session: u64.is('Session in which it was confirmed'),
  state: u8.is('1 confirmed, 2 started, 3 completed, 4 cancelled'),
  active: u8.is('Agreements that run'),
  escrow: u128.is('Still held of what the client locked, base units'),
  committed: u128.is('Part of it that running agreements may still earn'),
  paid: u128.is('Paid to partners so far'),
  refunded: u128.is('Returned to the client so far'),
  endHeight: u64.is('Block that completed or cancelled it; 0 before'),
  reason: text(120).is('Why it ended'),
});
export type Job = Infer<typeof jobRecord>;

export const jobs = collection({
  store: 'market',
  name: 'job',
  key: [bytesKey(32)],
  value: jobRecord,
});

/** The life of an agreement between a job and one partner. */
export const AGREEMENT_STATE = { active: 1, completed: 2, lost: 3 } as const;

export const agreementRecord = record('Agreement', {
  sequence: u32.is('Of the voucher in force'),
  rate: u128.is('Base units per session'),
  sessions: u32.is('Sessions in all'),
  firstSession: u64.is('First audited one'),
  lastSession: u64.is('Last audited one'),
  startHeight: u64,
  state: u8.is('1 active, 2 completed, 3 lost after missed audits'),
  answered: u32.is('Audits answered'),
  missed: u32.is('Audits missed'),
  missedInRow: u8,
  final: u8.is('1 when both sides agreed on its last session: no voucher prolongs it'),
  paid: u128,
  endHeight: u64.is('0 while it runs'),
});
export type Agreement = Infer<typeof agreementRecord>;

export const agreements = collection({
  store: 'market',
  name: 'agreement',
  key: [bytesKey(32), bytesKey(32)],
  value: agreementRecord,
});

/** Jobs by client, to list them without looking at everybody's. */
export const jobsOf = collection({
  store: 'market',
  name: 'job-of',
  key: [bytesKey(20), bytesKey(32)],
  value: u8,
});

/** Running agreements by partner, to list its audits without looking at everybody's. */
export const agreementsOf = collection({
  store: 'market',
  name: 'agreement-of',
  key: [bytesKey(32), bytesKey(32)],
  value: u8,
});

/** Agreements that are audited in a session: the payout's due-queue. Keyed session, job, partner. */
export const auditsDue = collection({
  store: 'market',
  name: 'audit-due',
  key: [u64Key, bytesKey(32), bytesKey(32)],
  value: u64.is('Height of the answer; 0 while there is none'),
});

/** Jobs to look at when a session ends: terms that run out, jobs that nobody started. */
export const jobsDue = collection({
  store: 'market',
  name: 'job-due',
  key: [u64Key, bytesKey(32)],
  value: u8,
});

/** Escrow to return when a session ends. */
export const refundsDue = collection({
  store: 'market',
  name: 'refund-due',
  key: [u64Key, bytesKey(32)],
  value: u8,
});
