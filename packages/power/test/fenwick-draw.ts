/**
 * A second draw with the same law and another algorithm, for tests: places one after the other, each
 * by a number below the sum of the powers that are left, found in a Fenwick tree (binary indexed
 * sums). No logarithms, nothing shared with the race.
 */
import { createHash } from 'node:crypto';

/** Numbers below a bound, from SHA-256 of a seed and a counter; those that would bias are skipped. */
export function numbers(seed: string): (bound: bigint) => bigint {
  let counter = 0;
  return (bound) => {
    for (;;) {
      const hash = createHash('sha256').update(`${seed}/${counter++}`).digest('hex');
      const value = BigInt(`0x${hash}`);
      const fair = (1n << 256n) - ((1n << 256n) % bound);
      if (value < fair) return value % bound;
    }
  };
}

class Fenwick {
  private readonly sums: bigint[];

  constructor(values: readonly bigint[]) {
    this.sums = new Array(values.length + 1).fill(0n);
    for (const [i, value] of values.entries()) this.add(i, value);
  }

  add(index: number, value: bigint): void {
    for (let i = index + 1; i < this.sums.length; i += i & -i) this.sums[i]! += value;
  }

  /** The entry in which the running sum passes `target`. */
  find(target: bigint): number {
    let at = 0;
    let rest = target;
    let step = 1;
    while (step * 2 < this.sums.length) step *= 2;
    for (; step > 0; step >>= 1)
      if (at + step < this.sums.length && this.sums[at + step]! <= rest) {
        at += step;
        rest -= this.sums[at]!;
      }
    return at;
  }
}

/** Indices of the first `count` places. */
export function fenwickDraw(seed: string, powers: readonly bigint[], count: number): number[] {
  const below = numbers(seed);
  const tree = new Fenwick(powers);
  let total = powers.reduce((a, b) => a + b, 0n);
  const places: number[] = [];
  while (places.length < count && total > 0n) {
    const index = tree.find(below(total));
    places.push(index);
    tree.add(index, -powers[index]!);
    total -= powers[index]!;
  }
  return places;
}
