/** Jobs and agreements: what the market remembers of each. */

import { bytesKey, collection, u64Key } from '@palisade/chain';
import { address, bytes32, type Infer, record, text, u8, u32, u64, u128 } from '@palisade/core';

/** Kinds of utility. */
export const UTILITY = { storage: 1, computation: 2, access: 3 } as const;
export const utility = u8.is('1 storage, 2 computation, 3 access');

/**
 * A job's life on chain. What comes before CONFIRMED, and the offers and matches between CONFIRMED
 * and STARTED, are signed messages between the parties. DISPUTED and RESOLVED are only for utility
 * that is used interactively.
 */
export const JOB_STATE = {
  confirmed: 1,
  started: 2,
  completed: 3,
  cancelled: 4,
  disputed: 5,
  resolved: 6,
} as const;

export const jobRecord = record('Job', {
  client: address,
  utility,
  subject: bytes32.is('Content id: of what is kept, or of the work order; any for access'),
  size: u64.is('Bytes of the subject'),
  partners: u8.is('How many partners are wanted, each for all of it'),
  sessions: u32.is('Term'),
  maxRate: u128.is('Most per partner and session, base units'),
  height: u64.is('Block that confirmed it; 0 for a job of the archive, which no client asked for'),
  session: u64.is('Session in which it was confirmed'),
  state: u8.is('1 confirmed, 2 started, 3 completed, 4 cancelled, 5 disputed, 6 resolved'),
  active: u8.is('Agreements that run'),
  escrow: u128.is('Still held of what the client locked, base units'),
  committed: u128.is('Part of it that agreements may still earn'),
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

/** Whether partners may still start on a job and its client prolong or cancel it. */
export function isOpen({ state }: Pick<Job, 'state'>): boolean {
  return state === JOB_STATE.confirmed || state === JOB_STATE.started;
}

/** Whether a job has ended for good: what is not bound of its escrow goes back. */
export function isOver({ state }: Pick<Job, 'state'>): boolean {
  return !isOpen({ state }) && state !== JOB_STATE.disputed;
}

/**
 * Whether a job's utility is used while both sides are connected, so that the client vouches for
 * what it used; storage outlives the connection and is audited instead.
 */
export function isInteractive({ utility }: Pick<Job, 'utility'>): boolean {
  return utility !== UTILITY.storage;
}

/**
 * Whether the chain itself asked for a job, to have a payout file kept. It stands in no job file, its
 * agreements in no payout file: one about keeping files would have to be kept in its turn, for ever.
 */
export function isOfArchive({ height }: Pick<Job, 'height'>): boolean {
  return height === 0n;
}

/** The life of an agreement between a job and one partner. */
export const AGREEMENT_STATE = {
  active: 1,
  completed: 2,
  lost: 3,
  /** In its arbitration window: its last session is over and no receipt has come. */
  disputed: 4,
  /** The window has closed. */
  resolved: 5,
} as const;

export const agreementRecord = record('Agreement', {
  sequence: u32.is('Of the rate voucher in force'),
  rate: u128.is('Base units per session'),
  sessions: u32.is('Sessions in all'),
  firstSession: u64.is('First one that counts'),
  lastSession: u64.is('Last one that counts'),
  startHeight: u64,
  state: u8.is('1 active, 2 completed, 3 lost after missed audits, 4 disputed, 5 resolved'),
  answered: u32.is('Audits answered'),
  missed: u32.is('Audits missed'),
  missedInRow: u8,
  final: u8.is('1 when a receipt stands: no voucher prolongs or raises it'),
  usageSequence: u32.is('Of the highest usage voucher filed; 0 without one, as for storage'),
  units: u64.is('Used in all, by that voucher or the receipt'),
  vouched: u128.is('Owed in all, by that voucher or the receipt'),
  equivocated: u32.is('Sequence at which the client was last seen to sign two amounts; 0 if never'),
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

/** Agreements that have not ended by partner, to list its audits without looking at everybody's. */
export const agreementsOf = collection({
  store: 'market',
  name: 'agreement-of',
  key: [bytesKey(32), bytesKey(32)],
  value: u8,
});

/**
 * Agreements to settle when a session ends: the payout's due-queue, keyed session, job, partner.
 * Each agreement that has not ended stands in it once: storage in the session whose audit is next;
 * interactive utility in the running session when there is something to pay or arbitration is to
 * close, otherwise in its last.
 */
export const settlementsDue = collection({
  store: 'market',
  name: 'settlement-due',
  key: [u64Key, bytesKey(32), bytesKey(32)],
  value: u64.is('Height of the audit answer; 0 while there is none'),
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

/** Results that were shown to be wrong, by job and partner: the block of the report. */
export const rejectedResults = collection({
  store: 'market',
  name: 'rejected-result',
  key: [bytesKey(32), bytesKey(32)],
  value: u64,
});
