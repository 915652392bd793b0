/** Laws of the market's state: run by tests after every block, and against a live node. */
import { balanceOf, type Invariant } from '@palisade/chain';
import { type KeyValueReader, toHex } from '@palisade/core';
import { ESCROW } from './escrow.ts';
import {
  AGREEMENT_STATE,
  agreements,
  agreementsOf,
  isInteractive,
  isOver,
  JOB_STATE,
  type Job,
  jobs,
  refundsDue,
  settlementsDue,
} from './job.ts';
import { boundBy, ceilingOf, isUnsettled } from './rules/bound.ts';
import { escrowFor } from './rules/terms.ts';

/** What clients locked and nobody has earned or got back yet is in the escrow account, no more, no less. */
const escrowAddsUp: Invariant = {
  name: 'market: escrow account = sum of the escrow of all jobs',
  check(state) {
    let sum = 0n;
    for (const [, job] of jobs.list(state)) sum += job.escrow;
    const { free, held } = balanceOf(state, ESCROW);
    return free + held === sum
      ? undefined
      : `the account has ${free + held}, jobs add up to ${sum}`;
  },
};

/** Every unit that a job ever locked is still locked, was paid, or went back. */
const nothingIsLost: Invariant = {
  name: 'market: escrow + paid + refunded = partners x sessions x highest rate, for every job',
  check(state) {
    for (const [[id], job] of jobs.list(state)) {
      const locked = escrowFor(job);
      const found = job.escrow + job.paid + job.refunded;
      if (found !== locked) return `${toHex(id)}: locked ${locked}, accounted for ${found}`;
    }
    return undefined;
  },
};

/** No job has promised more than it has locked. */
const promisesAreCovered: Invariant = {
  name: 'market: committed <= escrow, and committed = what agreements may still earn',
  check(state) {
    const due = dueSessions(state);
    for (const [[id], job] of jobs.list(state)) {
      let promised = 0n;
      let active = 0;
      for (const [[, partner], agreement] of agreements.list(state, id)) {
        if (!isUnsettled(agreement)) continue;
        if (agreement.state === AGREEMENT_STATE.active) active++;
        const key = `${toHex(id)}${toHex(partner)}`;
        const [next, ...more] = due.get(key) ?? [];
        if (next === undefined || more.length > 0)
          return `${toHex(id)}: an unsettled agreement is due ${more.length + (next === undefined ? 0 : 1)} times`;
        due.delete(key);
        promised += boundBy(job, agreement, next);
        if (!agreementsOf.has(state, partner, id)) return `${toHex(id)}: missing in its index`;
      }
      if (promised !== job.committed || job.committed > job.escrow || active !== job.active)
        return `${toHex(id)}: ${active} agreements run and ${promised} may be earned, recorded are ${job.active} and ${job.committed}, locked ${job.escrow}`;
    }
    for (const key of due.keys()) return `a settlement is due of no agreement: ${key}`;
    return undefined;
  },
};

function dueSessions(state: KeyValueReader): Map<string, bigint[]> {
  const due = new Map<string, bigint[]>();
  for (const [[session, job, partner]] of settlementsDue.list(state)) {
    const key = `${toHex(job)}${toHex(partner)}`;
    due.set(key, [...(due.get(key) ?? []), session]);
  }
  return due;
}

/** What is paid of an interactive agreement was vouched for, and no voucher passes the ceiling. */
const usageIsVouchedFor: Invariant = {
  name: 'market: paid <= vouched <= rate x sessions, for every interactive agreement',
  check(state) {
    for (const [[id], job] of jobs.list(state)) {
      if (!isInteractive(job)) continue;
      for (const [, agreement] of agreements.list(state, id)) {
        const { paid, vouched } = agreement;
        if (paid > vouched || vouched > ceilingOf(agreement))
          return `${toHex(id)}: paid ${paid} of ${vouched}, at most ${ceilingOf(agreement)}`;
      }
    }
    return undefined;
  },
};

/** The records of a job fit the state that it is in. */
const statesAreLegal: Invariant = {
  name: 'market: every job is in a legal state',
  check(state) {
    const waiting = new Set<string>();
    for (const [[, job]] of refundsDue.list(state)) waiting.add(toHex(job));
    for (const [[id], job] of jobs.list(state)) {
      const wrong = whatIsWrong(job, waiting.has(toHex(id))) ?? arbitrationOf(state, id, job);
      if (wrong) return `${toHex(id)}: ${wrong}`;
    }
    return undefined;
  },
};

function whatIsWrong(job: Job, refundWaits: boolean): string | undefined {
  const over = isOver(job);
  if (!Object.values<number>(JOB_STATE).includes(job.state)) return 'no such state';
  if (job.active > job.partners) return 'more partners than wanted';
  if (job.state === JOB_STATE.confirmed && job.active + Number(job.paid) > 0)
    return 'somebody works on it before its start';
  if (over !== job.endHeight > 0n) return 'state and end do not agree';
  if (refundWaits && !over) return 'a refund waits before its end';
  if (over && job.escrow > 0n && !refundWaits) return 'escrow of an ended job is stuck';
  return undefined;
}

/** A job is disputed while an agreement of it is, and nobody works on it. */
function arbitrationOf(state: KeyValueReader, id: Uint8Array, job: Job): string | undefined {
  if (job.state !== JOB_STATE.disputed) return undefined;
  if (job.active > 0) return 'somebody works on a disputed job';
  for (const [, agreement] of agreements.list(state, id))
    if (agreement.state === AGREEMENT_STATE.disputed) return undefined;
  return 'no arbitration window of a disputed job is open';
}

export const marketInvariants: readonly Invariant[] = [
  escrowAddsUp,
  nothingIsLost,
  promisesAreCovered,
  usageIsVouchedFor,
  statesAreLegal,
];
