/**
 * The law of a draw without replacement by power, in exact fractions, and how far counts are from it.
 */

/** How likely each ordered pair of first and second place is: p_i * w_j / (W - w_i). */
export function pairLaw(powers: readonly bigint[]): Map<string, { n: bigint; d: bigint }> {
  const total = powers.reduce((a, b) => a + b, 0n);
  const law = new Map<string, { n: bigint; d: bigint }>();
  for (const [i, first] of powers.entries())
    for (const [j, second] of powers.entries())
      if (i !== j && first > 0n && second > 0n)
        law.set(`${i},${j}`, { n: first * second, d: total * (total - first) });
  return law;
}

/** Chi-square of counts of ordered pairs against the law, and its degrees of freedom. */
export function chiSquare(
  law: ReadonlyMap<string, { n: bigint; d: bigint }>,
  counts: ReadonlyMap<string, number>,
  draws: number,
): { readonly value: number; readonly freedom: number } {
  let value = 0;
  for (const [pair, { n, d }] of law) {
    // Expected count, from the exact fraction, with 40 bits behind the point.
    const expected = Number((BigInt(draws) * n * (1n << 40n)) / d) / 2 ** 40;
    const difference = (counts.get(pair) ?? 0) - expected;
    value += (difference * difference) / expected;
  }
  return { value, freedom: law.size - 1 };
}

/** Above it lies one in ten thousand of lawful samples (Wilson and Hilferty's approximation). */
export function chiSquareLimit(freedom: number): number {
  const z = 3.719;
  return freedom * (1 - 2 / (9 * freedom) + z * Math.sqrt(2 / (9 * freedom))) ** 3;
}
