/** Patience of the pool with its partners (market chapter, "Development network values"). */

export type PoolTiming = {
  /** A partner that was not heard for so long is off the board, ms: three still-active intervals. */
  readonly stillActiveMs: number;
  /** Least time between two changes of a partner's capacity, ms. */
  readonly cooldownMs: number;
  /** Sessions for which partners' acknowledgements are kept: the evidence window. */
  readonly evidenceSessions: number;
};

export const DEFAULT_POOL_TIMING: PoolTiming = {
  stillActiveMs: 900_000,
  cooldownMs: 30_000,
  evidenceSessions: 36,
};
export const DEVELOPMENT_POOL_TIMING: PoolTiming = {
  stillActiveMs: 30_000,
  cooldownMs: 3000,
  evidenceSessions: 3,
};
