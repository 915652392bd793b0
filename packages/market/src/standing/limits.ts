/** Whether a partner may take an agreement now, and if not, why and how it may again. Pure. */
import { formatAmount } from '@palisade/chain/schema';
import { type Refusal, refuse } from '@palisade/core';
import type { StandingParams } from './params.ts';
import type { Exposure, ProbationBond, Standing } from './records.ts';
import { scoreOf } from './score.ts';

/** A partner, as far as its limits go. */
export type Taker = {
  readonly standing: Standing;
  readonly bond: ProbationBond | undefined;
  readonly exposure: Exposure;
};

/** What it wants to take on. */
export type Load = {
  /** New agreements; 0 when one that runs is prolonged. */
  readonly agreements: number;
  /** What they may earn, base units; for a running one: what is newly bound. */
  readonly value: bigint;
};

const PPM = 1_000_000n;

/** Value that a partner may have in flight: what it would lose by running away is worth more. */
export function exposureLimit({ standing, bond }: Taker, params: StandingParams): bigint {
  const earned = (standing.fees * BigInt(params.exposurePpm)) / PPM;
  return params.exposureFloor + (bond?.amount ?? 0n) + earned;
}

/** Why a partner may not take a load, or undefined. What runs already may always be prolonged within its limit. */
export function cannotTake(taker: Taker, load: Load, params: StandingParams): Refusal | undefined {
  if (load.agreements > 0) {
    const refusal =
      lacksBond(taker, params) ??
      scoresLow(taker, params) ??
      isContained(taker, params) ??
      isOnProbation(taker, load, params);
    if (refusal) return refusal;
  }
  return isOverExposed(taker, load, params);
}

/** A new key could be a bad old one: until it is known, and for a time, money speaks for it. */
function lacksBond({ standing, bond }: Taker, params: StandingParams): Refusal | undefined {
  const amount = bond?.amount ?? 0n;
  const known = bond?.served === 1 && standing.receipts >= params.probationReceipts;
  if (known || amount >= params.bond) return undefined;
  return refuse(
    'market/no-bond',
    `A new partner posts a bond of ${formatAmount(params.bond)}; ${formatAmount(amount)} are posted.`,
    {
      data: { posted: amount, bond: params.bond },
      next: 'Send market.post-bond; it can be had back after its time.',
    },
  );
}

function scoresLow({ standing }: Taker, params: StandingParams): Refusal | undefined {
  const score = scoreOf(standing);
  const threshold = params.leastPartnerScore;
  if (score >= threshold) return undefined;
  const recover = `Answer the audits of what runs; time alone closes half of the gap to 444 in every ${params.periodSessions} sessions.`;
  return refuse(
    'market/low-score',
    `The score is ${score}; new agreements take ${threshold} or more.`,
    { data: { score, threshold, recover }, next: recover },
  );
}

function isContained({ standing }: Taker, params: StandingParams): Refusal | undefined {
  const { failuresInRow, containedUntil, period } = standing;
  if (containedUntil === 0n) return undefined;
  const sessions = (containedUntil - period) * BigInt(params.periodSessions);
  return refuse(
    'market/contained',
    `${failuresInRow} failures in a row: there is no new work until one challenge is passed.`,
    {
      data: { failuresInRow },
      next: `Answer the next audit of what runs, or a challenge of the validators; without either it ends by itself within ${sessions} sessions.`,
    },
  );
}

function isOnProbation(taker: Taker, load: Load, params: StandingParams): Refusal | undefined {
  const { receipts } = taker.standing;
  if (receipts >= params.probationReceipts) return undefined;
  const next = `After ${params.probationReceipts} receipts, one for each paid session, there are no such limits.`;
  const running = taker.exposure.agreements;
  if (running + load.agreements > params.probationAgreements)
    return refuse(
      'market/on-probation',
      `A partner with ${receipts} receipts works on ${params.probationAgreements} agreements at once; ${running} run.`,
      { data: { receipts }, next },
    );
  if (load.value <= params.probationValue * BigInt(load.agreements)) return undefined;
  return refuse(
    'market/on-probation',
    `A partner with ${receipts} receipts takes agreements of up to ${formatAmount(params.probationValue)}, not ${formatAmount(load.value)}.`,
    { data: { receipts }, next },
  );
}

function isOverExposed(taker: Taker, load: Load, params: StandingParams): Refusal | undefined {
  const limit = exposureLimit(taker, params);
  const { value } = taker.exposure;
  if (load.value <= 0n || value + load.value <= limit) return undefined;
  return refuse(
    'market/over-exposed',
    `${formatAmount(value)} are in flight and ${formatAmount(load.value)} would come; the limit is ${formatAmount(limit)}.`,
    {
      data: { inFlight: value, limit },
      next: 'Post a larger bond, or wait: the limit grows with what is earned, and what is paid is no longer in flight.',
    },
  );
}
