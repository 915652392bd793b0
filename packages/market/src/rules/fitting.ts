/** Whether a job and what a partner says of itself fit together (C2V-4, P2V-2). */
import type { ValueOf } from '@palisade/core';
import { type Job, UTILITY } from '../job.ts';
import type { ready } from '../messages/ready.ts';
import { rateFor } from './terms.ts';

/** What a job asks, in its request and on chain alike. */
export type Wanted = Pick<Job, 'utility' | 'size' | 'sessions' | 'maxRate'>;

/**
 * Why a job is not for a partner: `filter` when the partner does not want it, `requirement` when
 * it wants it and cannot serve it; `item` names the field of its READY.
 */
export type Misfit = {
  readonly kind: 'filter' | 'requirement';
  readonly item: 'utility' | 'maxSize' | 'maxSessions' | 'price' | 'freeBytes';
};

/** What a READY says that decides about jobs. */
export type Filter = Pick<
  ValueOf<typeof ready>,
  'utility' | 'maxSize' | 'maxSessions' | 'price' | 'freeBytes'
>;

/**
 * What a partner asks per session, base units; undefined for computation, whose price is by
 * instructions, and how many those may be the client tells the partner alone.
 */
export function rateAsked(
  { utility, size }: Pick<Wanted, 'utility' | 'size'>,
  { price }: Pick<Filter, 'price'>,
): bigint | undefined {
  return utility === UTILITY.computation ? undefined : rateFor(price, size);
}

/** The first thing that is in the way; undefined when they fit. */
export function misfitOf(job: Wanted, filter: Filter): Misfit | undefined {
  if (job.utility !== filter.utility) return { kind: 'filter', item: 'utility' };
  if (job.size > filter.maxSize) return { kind: 'filter', item: 'maxSize' };
  if (job.sessions > filter.maxSessions) return { kind: 'filter', item: 'maxSessions' };
  const asked = rateAsked(job, filter);
  if (asked !== undefined && job.maxRate < asked) return { kind: 'filter', item: 'price' };
  if (job.size > filter.freeBytes) return { kind: 'requirement', item: 'freeBytes' };
  return undefined;
}
