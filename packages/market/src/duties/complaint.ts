/** The life of a complaint beyond its commands: the deposit, the verdict, what is forgotten when. */
import { type BlockContext, release, type State, sessions } from '@palisade/chain';
import { type KeyValueReader, toHex } from '@palisade/core';
import type { Job } from '../job.ts';
import { params } from '../params.ts';
import { noteNeglect } from '../standing/notes.ts';
import { FAULT } from '../standing/records.ts';
import { complaintUpheld } from './events.ts';
import type { DutyParams } from './params.ts';
import {
  COMPLAINT_STATE,
  type Complaint,
  complaints,
  fileTimes,
  omissions,
  openComplaints,
  rosters,
} from './records.ts';

export function dutyParamsOf(state: KeyValueReader): DutyParams {
  return params.need(state).duties;
}

/** Purpose under which deposits are held on the account: one account may have several partners. */
export function complaintPurpose(partner: Uint8Array): string {
  return `market.complaint/${toHex(partner).slice(2)}`;
}

/**
 * The session with whose end complaints about a job are decided: all at once, so that no case can
 * be opened a second time, and everybody accused has had whole sessions to answer.
 */
export function decidedIn(state: KeyValueReader, { session }: Pick<Job, 'session'>): bigint {
  const { evidenceSessions, rebuttalSessions } = dutyParamsOf(state);
  return session + BigInt(evidenceSessions) + BigInt(rebuttalSessions);
}

/** Counts the open complaints of a partner, by one more or one less. */
export function countOpen(state: State, partner: Uint8Array, change: 1 | -1): void {
  const open = (openComplaints.get(state, partner) ?? 0) + change;
  if (open === 0) openComplaints.delete(state, partner);
  else openComplaints.set(state, [partner], open);
}

/** An open complaint is over: its deposit is free again. */
export function settleDeposit(state: State, partner: Uint8Array, complaint: Complaint): void {
  release(state, complaint.account, complaintPurpose(partner), complaint.deposit);
  countOpen(state, partner, -1);
}

/** Decides what is due with the session that ends, and forgets what nobody can point to any more. */
export function closeComplaints(ctx: BlockContext): void {
  const { state, session } = ctx;
  for (const [[, job, validator, partner], complaint] of [
    ...complaints.list(state, session.number),
  ]) {
    complaints.delete(state, session.number, job, validator, partner);
    if (complaint.state !== COMPLAINT_STATE.open) continue;
    settleDeposit(state, partner, complaint);
    const { deposit } = complaint;
    ctx.emit(complaintUpheld, { job, validator, partner, deposit });
    noteNeglect(ctx, FAULT.complaint, validator, partner);
  }
  forget(ctx);
}

/** First session of which evidence can be brought while `running` runs. */
export function firstOfEvidence(state: KeyValueReader, running: bigint): bigint {
  const back = BigInt(dutyParamsOf(state).evidenceSessions);
  return running > back ? running - back : 0n;
}

function forget({ state, session }: BlockContext): void {
  const first = firstOfEvidence(state, session.number + 1n);
  const firstHeight = sessions.get(state, first)?.startHeight ?? 0n;
  for (const [[number]] of takeBefore(rosters.list(state), first)) rosters.delete(state, number);
  for (const [[height]] of takeBefore(fileTimes.list(state), firstHeight))
    fileTimes.delete(state, height);
  for (const [key] of takeBefore(omissions.list(state), first)) omissions.delete(state, ...key);
}

/** The records whose key begins with less than `first`; they stand in order. */
function takeBefore<K extends readonly [bigint, ...unknown[]], V>(
  list: Iterable<readonly [key: K, value: V]>,
  first: bigint,
): (readonly [key: K, value: V])[] {
  const taken = [];
  for (const entry of list) {
    if (entry[0][0] >= first) break;
    taken.push(entry);
  }
  return taken;
}
