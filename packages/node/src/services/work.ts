/** Why there is no work for a partner (P2V-2.G1 to G3): the words of a `market.work-answer`. */
import type { Refusal } from '@palisade/core';
import { type Job, type Misfit, misfitOf, NO_WORK, type NoWork } from '@palisade/market';
import type { PartnerEntry } from './partner-board.ts';

export type Reason = {
  readonly reason: NoWork;
  readonly item: string;
  readonly score: number;
  readonly threshold: number;
  readonly next: string;
};

const NEXT: Readonly<Record<NoWork, string>> = {
  [NO_WORK.noDemand]: 'Wait: whoever listens is told of the next job.',
  [NO_WORK.filters]: 'Jobs are open that the READY does not want: see the item.',
  [NO_WORK.requirement]: 'Jobs are open that need more of the item.',
  [NO_WORK.lowScore]: 'Serve what runs without fault: scores recover.',
  [NO_WORK.atCapacity]: 'Send a READY that accepts work when there is room again.',
  [NO_WORK.notReady]: 'Send a READY first.',
};

function reason(kind: NoWork, more: Partial<Reason> = {}): Reason {
  return { reason: kind, item: '', score: 0, threshold: 0, next: NEXT[kind], ...more };
}

/** What the chain has against a partner: its score, or something else that it lacks. */
function barredBy({ code, data, next }: Refusal): Reason {
  const item = code.slice(code.indexOf('/') + 1);
  const more = { item, ...(next ? { next } : {}) };
  if (code !== 'market/low-score') return reason(NO_WORK.requirement, more);
  const score = Number(data?.score);
  return reason(NO_WORK.lowScore, { ...more, score, threshold: Number(data?.threshold) });
}

/**
 * The first of: no valid READY, at capacity, barred by the chain, no open job, no job that is wanted and could
 * be served, no job that is wanted. Undefined when some job fits.
 */
export function whyNoWork(
  partner: PartnerEntry | undefined,
  open: Iterable<Job>,
  barred: Refusal | undefined,
): Reason | undefined {
  if (!partner) return reason(NO_WORK.notReady);
  const { value } = partner;
  if (value.accepting !== 1) return reason(NO_WORK.atCapacity, { item: 'accepting' });
  if (barred) return barredBy(barred);
  let nearest: Misfit | undefined;
  for (const job of open) {
    const misfit = misfitOf(job, value);
    if (!misfit) return undefined;
    if (!nearest || (nearest.kind === 'filter' && misfit.kind === 'requirement')) nearest = misfit;
  }
  if (!nearest) return reason(NO_WORK.noDemand);
  const kind = nearest.kind === 'filter' ? NO_WORK.filters : NO_WORK.requirement;
  return reason(kind, { item: nearest.item });
}
