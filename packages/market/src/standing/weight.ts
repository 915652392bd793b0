/** How much an event weighs: by its value, by how often the same two met, by who says so. */
import { SCALE } from './score.ts';

/** Grows with the value and is capped at 1: `unitValue` weighs 1, ten times of it no more. */
export function valueWeight(value: bigint, unitValue: bigint): bigint {
  return value >= unitValue ? SCALE : (value * SCALE) / unitValue;
}

/** Halvings after which nothing is left of SCALE. */
const MOST_HALVINGS = 20;

/** 1, 1/2, 1/4 ...: what the same two parties do together counts less each time in a period. */
export function pairShare(before: number): bigint {
  return before >= MOST_HALVINGS ? 0n : SCALE >> BigInt(before);
}

/**
 * What a client's word weighs, by the network fees that it ever paid: nothing at first, a half at
 * `half`, never quite 1. Fees are burned or go to validators, so that words cannot be had by paying
 * oneself, and ten keys with a tenth of the fees each have no more to say than one.
 */
export function testimony(fees: bigint, half: bigint): bigint {
  return (fees * SCALE) / (fees + half);
}

/** Several reasons to count less: the product, rounded down at each step. */
export function weightOf(...factors: readonly bigint[]): bigint {
  return factors.reduce((product, factor) => (product * factor) / SCALE, SCALE);
}
