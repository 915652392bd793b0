/**
 * Logarithms in integers, for the race: what every machine computes alike. Fixed-point numbers are
 * called by their fraction bits, as in Q.48.
 */
import { PalisadeError } from '@palisade/core';

/** Fraction bits of a logarithm. */
export const LOG_BITS = 48n;
/** Fraction bits of the mantissa that is squared. */
const MANTISSA_BITS = 63n;
const TWO = 1n << (MANTISSA_BITS + 1n);
/** Bits of the numbers that logarithms are taken of. */
const WIDTH = 128;

function bitLength(x: bigint): number {
  return x.toString(2).length;
}

/**
 * `bits` bits of the fraction of log2 of a mantissa in [1, 2), Q.63: squaring doubles the logarithm,
 * and what then reaches 2 gives a bit. Every step is rounded down.
 */
function fractionOf(mantissa: bigint, bits: bigint): bigint {
  let m = mantissa;
  let fraction = 0n;
  for (let i = 0n; i < bits; i++) {
    m = (m * m) >> MANTISSA_BITS;
    fraction <<= 1n;
    if (m >= TWO) {
      m >>= 1n;
      fraction |= 1n;
    }
  }
  return fraction;
}

/**
 * How far a number is below 2^128, as 128 - log2(x) in Q.48: from 0 for 2^128 to 128 for 1.
 * @throws PalisadeError `power/not-a-draw` for what is not in [1, 2^128]: a bug of the caller.
 */
export function exponent(x: bigint): bigint {
  if (x < 1n || x > 1n << 128n)
    throw new PalisadeError({ code: 'power/not-a-draw', message: `${x} is not in [1, 2^128].` });
  const whole = BigInt(bitLength(x) - 1);
  const mantissa =
    whole >= MANTISSA_BITS ? x >> (whole - MANTISSA_BITS) : x << (MANTISSA_BITS - whole);
  const log = (whole << LOG_BITS) + fractionOf(mantissa, LOG_BITS);
  return (BigInt(WIDTH) << LOG_BITS) - log;
}

/** Fraction bits of the quick bounds. */
export const BOUND_BITS = 20;
/** Leading bits of a mantissa that the bounds go by. */
const INDEX_BITS = 12;
const ROWS = 1 << INDEX_BITS;

/** log2(1 + row / 4096) in Q.20, rounded down, for rows 0 to 4096. Made when first asked for. */
let table: Uint32Array | undefined;

function rows(): Uint32Array {
  if (table) return table;
  const made = new Uint32Array(ROWS + 1);
  for (let row = 0; row < ROWS; row++) {
    const mantissa = BigInt(ROWS + row) << (MANTISSA_BITS - BigInt(INDEX_BITS));
    made[row] = Number(fractionOf(mantissa, BigInt(BOUND_BITS)));
  }
  made[ROWS] = 1 << BOUND_BITS;
  table = made;
  return made;
}

/** Bounds of `exponent`, Q.20: `low` is not above it, `high` not below. */
export type Bounds = { low: number; high: number };

/**
 * Bounds of the exponent of h + 1, where h is the number that the first 16 bytes spell, big-endian.
 * Written into `bounds`, so that thousands of calls make no garbage.
 */
export function boundExponent(bytes: Uint8Array, bounds: Bounds): void {
  let first = 0;
  while (first < 16 && bytes[first] === 0) first++;
  if (first >= 12) {
    // Once in 2^96 draws; h + 1 may have as many bits more as it likes.
    bounds.low = 0;
    bounds.high = WIDTH << BOUND_BITS;
    return;
  }
  const top =
    bytes[first]! * 0x1000000 +
    (bytes[first + 1]! << 16) +
    (bytes[first + 2]! << 8) +
    bytes[first + 3]!;
  const zeros = Math.clz32(top);
  // The leading one falls out; twelve bits behind it remain. At most 7 zeros: 25 bits are enough.
  const row = ((top << zeros) >>> (31 - INDEX_BITS)) & (ROWS - 1);
  const whole = WIDTH - 1 - 8 * first - zeros;
  const logs = rows();
  // h + 1 is at least h, and at most the next row's start; the table is rounded down by less than 2.
  bounds.low = ((WIDTH - whole) << BOUND_BITS) - logs[row + 1]! - 2;
  bounds.high = ((WIDTH - whole) << BOUND_BITS) - logs[row]! + 2;
  if (bounds.low < 0) bounds.low = 0;
}
