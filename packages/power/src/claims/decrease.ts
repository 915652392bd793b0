/**
 * Proportional decrease (spec/power.md, 2.3): when a claim falls from `before` to `after`, every
 * entry falls in proportion. Each new amount is the difference of two rounded-down running sums, so
 * that no unit appears or vanishes: together they are the rounded-down share of the whole. The
 * function that it answers is asked for one entry after the other.
 */
export function decrease(before: bigint, after: bigint): (amount: bigint) => bigint {
  let sum = 0n;
  let share = 0n;
  return (amount) => {
    sum += amount;
    const reached = (sum * after) / before;
    const own = reached - share;
    share = reached;
    return own;
  };
}
