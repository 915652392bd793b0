import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Evidence,
  NEWCOMER,
  recovered,
  SCALE,
  SCORE_RULE,
  type ScoreRule,
  scoreOf,
  withFailure,
  withSuccess,
  zeroed,
} from './score.ts';

function after(successes: number, from: Evidence = NEWCOMER): Evidence {
  let evidence = from;
  for (let i = 0; i < successes; i++) evidence = withSuccess(evidence, SCALE);
  return evidence;
}

/** Two thousand jobs, every hundredth of them failed, the last one just now. */
function veteran(rule: ScoreRule): Evidence {
  let evidence = NEWCOMER;
  for (let i = 1; i <= 2000; i++)
    evidence = (i % 100 === 0 ? withFailure : withSuccess)(evidence, SCALE, rule);
  return evidence;
}

/** Failures in a row until the share of good evidence, unrounded, is below 420 of 1000. */
function failuresToFall(evidence: Evidence, rule: ScoreRule): number {
  let [now, count] = [evidence, 0];
  for (; 1000n * now.alpha >= 420n * (now.alpha + now.beta); count++)
    now = withFailure(now, SCALE, rule);
  return count;
}

describe('the score', () => {
  it('of a newcomer is 444, and grows by success to 495, 631, 726, 821', () => {
    expect(scoreOf(NEWCOMER)).toBe(444);
    expect([1, 5, 10, 20].map((count) => scoreOf(after(count)))).toEqual([495, 631, 726, 821]);
  });

  it('of a newcomer falls below both thresholds with its first failed job: 317', () => {
    expect(scoreOf(withFailure(NEWCOMER, SCALE))).toBe(317);
  });

  it('of a veteran bears fifteen failures in a row, and falls with the fifty-seventh', () => {
    let evidence = veteran(SCORE_RULE);
    expect(scoreOf(evidence)).toBe(951);
    for (let i = 0; i < 15; i++) evidence = withFailure(evidence, SCALE);
    expect(scoreOf(evidence)).toBe(731);
    expect(failuresToFall(veteran(SCORE_RULE), SCORE_RULE)).toBe(57);
  });

  it('would fall after 16 with a short memory and fair weights, after 252 with a long one', () => {
    const short = { memory: 950_000n, failureFactor: 1n };
    const long = { memory: 999_000n, failureFactor: 4n };
    expect(failuresToFall(veteran(short), short)).toBe(16);
    expect(failuresToFall(veteran(long), long)).toBe(252);
  });

  it('is rounded half up, and 0 for whoever equivocated, who then begins from below', () => {
    expect(scoreOf({ alpha: 1n, beta: 1999n })).toBe(1);
    expect(scoreOf({ alpha: 1n, beta: 2000n })).toBe(0);
    const liar = zeroed(after(20));
    expect(scoreOf(liar)).toBe(0);
    expect(scoreOf(withSuccess(liar, SCALE))).toBeLessThan(60);
  });

  it('is what real numbers say, within what rounding takes, whatever happens', () => {
    const events = fc.array(fc.record({ ok: fc.boolean(), weight: fc.bigInt(0n, SCALE) }), {
      maxLength: 400,
    });
    fc.assert(
      fc.property(events, (history) => {
        let evidence = NEWCOMER;
        let [alpha, beta] = [4.44, 5.56];
        for (const { ok, weight } of history) {
          evidence = (ok ? withSuccess : withFailure)(evidence, weight);
          const w = Number(weight) / 1e6;
          const kept = 1 - 0.005 * w;
          alpha = alpha * kept + (ok ? w : 0);
          beta = beta * kept + (ok ? 0 : 4 * w);
        }
        // Forgetting is rounded to 10^-6 of the evidence, of which there is at most 800.
        expect(Math.abs(scoreOf(evidence) - (1000 * alpha) / (alpha + beta))).toBeLessThan(1.2);
      }),
      { numRuns: 200, seed: 44 },
    );
  });

  it('does not move, nor does the past behind it, by events that weigh nothing', () => {
    const bad = withFailure(NEWCOMER, SCALE);
    let washed = bad;
    for (let i = 0; i < 1000; i++) washed = withSuccess(washed, 0n);
    expect(washed).toEqual(bad);
  });

  it('recovers with time alone toward 444, half of the gap in each period, and never beyond', () => {
    const fallen = withFailure(NEWCOMER, SCALE);
    const scores = [0n, 1n, 2n, 3n, 60n, 10n ** 9n].map((periods) =>
      scoreOf(recovered(fallen, periods)),
    );
    expect(scores).toEqual([317, 380, 412, 428, 444, 444]);
    expect(recovered(after(3), 9n)).toEqual(after(3));
    expect(recovered(NEWCOMER, 9n)).toEqual(NEWCOMER);
  });

  it('recovers the same in one look or in many', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 8n),
        fc.bigInt(1n, 10n ** 9n),
        fc.bigInt(0n, 9n),
        fc.bigInt(0n, 9n),
        (alpha, beta, first, second) => {
          const atOnce = recovered({ alpha, beta }, first + second);
          expect(recovered(recovered({ alpha, beta }, first), second)).toEqual(atOnce);
        },
      ),
      { seed: 45 },
    );
  });
});
