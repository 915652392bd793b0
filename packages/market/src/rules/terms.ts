/** Arithmetic of a job's money and time. */

/** The unit of a partner's price: one MiB. */
export const PRICE_UNIT_BYTES = 1024n * 1024n;

/** What a partner of a given price asks per session for content of `size` bytes: started MiB count. */
export function rateFor(price: bigint, size: bigint): bigint {
  const units = (size + PRICE_UNIT_BYTES - 1n) / PRICE_UNIT_BYTES;
  return price * (units === 0n ? 1n : units);
}

/**
 * What `units` of use cost, where the rate pays for `size` units per session: in proportion, and no
 * fraction of a base unit is given away.
 */
export function amountFor(
  units: bigint,
  { rate, size }: { readonly rate: bigint; readonly size: bigint },
): bigint {
  return (units * rate + size - 1n) / size;
}

/** What a client locks for a job: every partner, every session, at the highest rate. */
export function escrowFor(terms: {
  readonly partners: number;
  readonly sessions: number;
  readonly maxRate: bigint;
}): bigint {
  return BigInt(terms.partners) * BigInt(terms.sessions) * terms.maxRate;
}

/** The last session of a job's term. */
export function lastOfTerm(job: { readonly session: bigint; readonly sessions: number }): bigint {
  return job.session + BigInt(job.sessions) - 1n;
}

/**
 * Sessions to ask for so that content is kept for at least `ms`: the first one may be nearly over
 * when it begins to count, so it does not help to fill the time.
 */
export function sessionsFor(ms: bigint, sessionMs: bigint): number {
  return Number((ms + sessionMs - 1n) / sessionMs) + 1;
}
