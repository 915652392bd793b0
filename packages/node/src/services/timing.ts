/** Patience of the pool with its partners (market chapter, "Development network values"). */

export type PoolTiming = {
  /** A partner that was not heard for so long is off the board, ms: three still-active intervals. */
  readonly stillActiveMs: number;
  /** Least time between two changes of a partner's capacity, ms. */
  readonly cooldownMs: number;
  /** A partner is challenged for the first time within so long of the draw, ms: it shall not know when. */
  readonly challengeSpreadMs: number;
  /** Between two tries of a challenge, ms. */
  readonly challengeRetryMs: number;
  /** Sessions for which partners' acknowledgements are kept: the evidence window. */
  readonly evidenceSessions: number;
};

export const DEFAULT_POOL_TIMING: PoolTiming = {
  stillActiveMs: 900_000,
  cooldownMs: 30_000,
  // Half of a session (4 h); a broken line has ten minutes to mend.
  challengeSpreadMs: 7_200_000,
  challengeRetryMs: 300_000,
  evidenceSessions: 36,
};
export const DEVELOPMENT_POOL_TIMING: PoolTiming = {
  stillActiveMs: 30_000,
  cooldownMs: 3000,
  // A quarter of a session (60 s), which must hold three tries of six seconds, too.
  challengeSpreadMs: 15_000,
  challengeRetryMs: 4000,
  evidenceSessions: 3,
};
