import { BUMP_DENOMINATOR, BUMP_NUMERATOR } from '../params.ts';

/** What a transaction offers, wei of gas. */
export type Fees = { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint };

/**
 * The offer for a base fee: room for it to double (six full blocks in a row), never above the cap. Undefined
 * when the cap is below the base fee: no block would take it.
 */
export function offer(baseFee: bigint, tip: bigint, cap: bigint): Fees | undefined {
  if (cap <= baseFee) return undefined;
  const maxFeePerGas = least(cap, 2n * baseFee + tip);
  return { maxFeePerGas, maxPriorityFeePerGas: least(tip, maxFeePerGas) };
}

/**
 * The offer that replaces another one: an eighth more of both, or the present offer where that is higher.
 * Undefined when the cap does not allow what nodes ask of a replacement.
 */
export function bumped(before: Fees, fresh: Fees | undefined, cap: bigint): Fees | undefined {
  const up = (value: bigint, now: bigint) =>
    most((value * BUMP_NUMERATOR + BUMP_DENOMINATOR - 1n) / BUMP_DENOMINATOR, now);
  const maxFeePerGas = up(before.maxFeePerGas, fresh?.maxFeePerGas ?? 0n);
  const tip = up(before.maxPriorityFeePerGas, fresh?.maxPriorityFeePerGas ?? 0n);
  if (maxFeePerGas > cap) return undefined;
  return { maxFeePerGas, maxPriorityFeePerGas: least(tip, maxFeePerGas) };
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
