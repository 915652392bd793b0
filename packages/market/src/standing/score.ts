/**
 * The perception score: how far a key has shown that it keeps its word (spec/standing.md). Evidence
 * for (alpha) and against (beta) is summed up and slowly forgotten; a failure weighs more than a
 * success, so trust is slow to gain and quick to lose. Fixed point, every product rounded down.
 */

/** What stands for 1 in evidence and weights. */
export const SCALE = 1_000_000n;

/** Evidence for and against, in units of 1 / SCALE. */
export type Evidence = { readonly alpha: bigint; readonly beta: bigint };

export type ScoreRule = {
  /** Share of the evidence that an event of weight 1 leaves, in units of 1 / SCALE. */
  readonly memory: bigint;
  /** How many successes a failure weighs. */
  readonly failureFactor: bigint;
};

/** A memory of about 200 events; four successes for a failure (market chapter 4.4). */
export const SCORE_RULE: ScoreRule = { memory: 995_000n, failureFactor: 4n };

/** Of whom nothing is known: 444 of 1000, as if ten units of evidence were in already. */
export const NEWCOMER: Evidence = { alpha: 4_440_000n, beta: 5_560_000n };

/**
 * Forgetting goes with the weight: an event of weight 0 changes nothing. Were it not so, a pair that
 * deals with itself could wash out its past by events that count for nothing.
 */
function faded(evidence: bigint, weight: bigint, { memory }: ScoreRule): bigint {
  const kept = SCALE - ((SCALE - memory) * weight) / SCALE;
  return (evidence * kept) / SCALE;
}

/** @param weight 0 to SCALE */
export function withSuccess(
  { alpha, beta }: Evidence,
  weight: bigint,
  rule: ScoreRule = SCORE_RULE,
): Evidence {
  return { alpha: faded(alpha, weight, rule) + weight, beta: faded(beta, weight, rule) };
}

/** @param weight 0 to SCALE */
export function withFailure(
  { alpha, beta }: Evidence,
  weight: bigint,
  rule: ScoreRule = SCORE_RULE,
): Evidence {
  return {
    alpha: faded(alpha, weight, rule),
    beta: faded(beta, weight, rule) + rule.failureFactor * weight,
  };
}

/** All good evidence turns into bad: the score is 0, and as hard to move as it was. */
export function zeroed({ alpha, beta }: Evidence): Evidence {
  return { alpha: 0n, beta: alpha + beta };
}

/** 0 to 1000, half a point rounded up. */
export function scoreOf({ alpha, beta }: Evidence): number {
  const all = alpha + beta;
  return Number((2000n * alpha + all) / (2n * all));
}

/**
 * What time alone mends: every period closes half of the gap that is left to a newcomer's score, and
 * never goes beyond it.
 */
export function recovered({ alpha, beta }: Evidence, periods: bigint): Evidence {
  const all = alpha + beta;
  const target = (all * NEWCOMER.alpha) / (NEWCOMER.alpha + NEWCOMER.beta);
  let gap = target - alpha;
  for (let i = 0n; i < periods && gap > 0n; i++) gap /= 2n;
  return gap >= target - alpha
    ? { alpha, beta }
    : { alpha: target - gap, beta: all - target + gap };
}
