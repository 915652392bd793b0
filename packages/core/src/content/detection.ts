/**
 * How surely an audit notices a loss. A partner that lacks `missing` of `leaves` passes one audit of
 * s distinct leaves with probability
 *
 *   miss = (leaves - missing)/leaves * (leaves - missing - 1)/(leaves - 1) * ...   (s factors)
 *
 * and w audits with miss^w, since every session draws anew. All of it in whole numbers: `miss` is a
 * fraction of 2^96, every step rounded up, so that what is stated is never more than what is true.
 */
import { PalisadeError } from '../errors.ts';

const PPM = 1_000_000n;
const FRACTION_BITS = 96n;
const ONE = 1n << FRACTION_BITS;

/**
 * Probability, in parts per million rounded down, that one audit of `samples` distinct leaves asks
 * for at least one of `missing` lost ones.
 * @throws PalisadeError `content/bad-odds` unless 0 <= missing <= leaves and samples >= 0, whole numbers
 */
export function detectionPpm(missing: number, leaves: number, samples: number): number {
  return Number(((ONE - missFraction(missing, leaves, samples)) * PPM) / ONE);
}

/**
 * Audits needed until a loss of `missing` leaves is noticed with at least `confidencePpm` parts per
 * million (one more where rounding meets an exact tie). Undefined when no number of them suffices:
 * nothing is missing, nothing is sampled, or certainty is asked of a sample.
 * @throws PalisadeError `content/bad-odds` as `detectionPpm`, and for a confidence outside 1..1 000 000
 */
export function windowsToDetect(
  missing: number,
  leaves: number,
  samples: number,
  confidencePpm: number,
): number | undefined {
  if (!Number.isInteger(confidencePpm) || confidencePpm < 1 || confidencePpm > Number(PPM)) {
    throw badOdds(`a confidence of ${confidencePpm} parts per million`);
  }
  const miss = missFraction(missing, leaves, samples);
  const mayMiss = (ONE * (PPM - BigInt(confidencePpm))) / PPM;
  if (miss <= mayMiss) return 1;
  if (miss >= ONE || mayMiss === 0n) return undefined;
  return smallestPower(miss, mayMiss);
}

/** Smallest w with fraction^w <= limit, by doubling and then filling in bits from the top. */
function smallestPower(fraction: bigint, limit: bigint): number {
  const powers = [fraction];
  while (powers.at(-1)! > limit) powers.push(timesUp(powers.at(-1)!, powers.at(-1)!));
  let below = ONE;
  let windows = 0;
  for (let bit = powers.length - 1; bit >= 0; bit--) {
    const next = timesUp(below, powers[bit]!);
    if (next <= limit) continue;
    below = next;
    windows += 2 ** bit;
  }
  return windows + 1;
}

function missFraction(missing: number, leaves: number, samples: number): bigint {
  const whole = [missing, leaves, samples].every((value) => Number.isInteger(value) && value >= 0);
  if (!whole || missing > leaves) {
    throw badOdds(`${missing} missing of ${leaves} leaves with ${samples} samples`);
  }
  let miss = ONE;
  const draws = Math.min(samples, leaves);
  for (let drawn = 0; drawn < draws && miss > 0n; drawn++) {
    const present = Math.max(0, leaves - missing - drawn);
    miss = divideUp(miss * BigInt(present), BigInt(leaves - drawn));
  }
  return miss;
}

function timesUp(a: bigint, b: bigint): bigint {
  return divideUp(a * b, ONE);
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

function badOdds(what: string): PalisadeError {
  return new PalisadeError({
    code: 'content/bad-odds',
    message: `There are no odds for ${what}: counts are whole numbers, with no more missing than there are.`,
  });
}
