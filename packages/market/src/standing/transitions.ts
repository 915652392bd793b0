/** How a standing changes: by time, by a success, by a fault. Pure. */
import type { StandingParams } from './params.ts';
import { FAULT, type Fault, type Standing } from './records.ts';
import { recovered, withFailure, withSuccess, zeroed } from './score.ts';

/** The period of a session. */
export function periodOf(session: bigint, { periodSessions }: StandingParams): bigint {
  return session / BigInt(periodSessions);
}

/** Lets time pass until `period`: a low score recovers, warnings and old containments lapse. */
export function atPeriod(standing: Standing, period: bigint): Standing {
  if (period <= standing.period) return standing;
  const evidence = recovered(standing, period - standing.period);
  const { containedUntil } = standing;
  const lapses = containedUntil !== 0n && containedUntil <= period;
  return { ...(lapses ? released(standing) : standing), ...evidence, period, warned: 0 };
}

/** A challenge was passed, an audit or one of the validators': containment is over. */
export function released(standing: Standing): Standing {
  return { ...standing, failuresInRow: 0, containedUntil: 0n };
}

/**
 * Something was done as agreed. That ends a row of failures, but no containment: a client that is the
 * partner's own could say so at any time.
 */
export function succeeded(standing: Standing, weight: bigint, fees: bigint): Standing {
  return {
    ...(standing.containedUntil === 0n ? released(standing) : standing),
    ...withSuccess(standing, weight),
    receipts: standing.receipts + 1,
    fees: standing.fees + fees,
  };
}

/**
 * Whether a fault is no more than a warning: newcomers get none, or every new key had one for free. A
 * validator's key is not: somebody bonded for it, and there are no receipts for validators.
 */
export function isWarning(standing: Standing, kind: Fault, params: StandingParams): boolean {
  if (kind === FAULT.equivocation) return false;
  const isOfValidator = kind === FAULT.complaint || kind === FAULT.duty;
  if (!isOfValidator && standing.receipts < params.probationReceipts) return false;
  return (standing.warned & bitOf(kind)) === 0;
}

/** Something was not done. A warning spares the score, but counts among the failures in a row. */
export function failed(
  standing: Standing,
  kind: Fault,
  weight: bigint,
  params: StandingParams,
): Standing {
  const failuresInRow = standing.failuresInRow + 1;
  const evidence = isWarning(standing, kind, params) ? {} : evidenceAfter(standing, kind, weight);
  const contained = failuresInRow >= params.failuresToContain;
  return {
    ...standing,
    ...evidence,
    failuresInRow,
    containedUntil: contained
      ? standing.period + BigInt(params.containedPeriods)
      : standing.containedUntil,
    warned: standing.warned | bitOf(kind),
  };
}

function evidenceAfter(standing: Standing, kind: Fault, weight: bigint) {
  return kind === FAULT.equivocation ? zeroed(standing) : withFailure(standing, weight);
}

function bitOf(kind: Fault): number {
  return 1 << (kind - 1);
}
