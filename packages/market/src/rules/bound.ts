/** What an agreement binds of its job's escrow, and when it is settled next. */
import { AGREEMENT_STATE, type Agreement, isInteractive, type Job } from '../job.ts';

/** The most that usage vouchers and the receipt of an interactive agreement may add up to. */
export function ceilingOf({ rate, sessions }: Pick<Agreement, 'rate' | 'sessions'>): bigint {
  return BigInt(sessions) * rate;
}

/** What an agreement may still earn; `next` is the first session that is not settled yet. */
export function boundBy(job: Job, agreement: Agreement, next: bigint): bigint {
  const { firstSession, lastSession, rate, final, vouched, paid } = agreement;
  if (isInteractive(job)) return (final === 1 ? vouched : ceilingOf(agreement)) - paid;
  const from = later(next, firstSession);
  return lastSession < from ? 0n : (lastSession - from + 1n) * rate;
}

/** What an agreement binds with a change, or with its start, beyond what it bound before. */
export function newlyBound(
  job: Job,
  after: Agreement,
  before: Agreement | undefined,
  next: bigint,
): bigint {
  return boundBy(job, after, next) - (before ? boundBy(job, before, next) : 0n);
}

/** The session at whose end an agreement is settled next, while `running` runs. */
export function dueIn(job: Job, agreement: Agreement, running: bigint): bigint {
  const { state, firstSession, lastSession, vouched, paid } = agreement;
  if (!isInteractive(job)) return later(running, firstSession);
  // Nothing to pay yet: only the end of the term is to be looked at.
  return state === AGREEMENT_STATE.active && vouched === paid ? lastSession : running;
}

/** Whether an agreement runs or is in arbitration: something of it is still to be settled. */
export function isUnsettled({ state }: Agreement): boolean {
  return state === AGREEMENT_STATE.active || state === AGREEMENT_STATE.disputed;
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
