import { PalisadeError } from '@palisade/core';

/** An output that can be spent. */
export type Coin = { readonly position: bigint; readonly token: string; readonly amount: bigint };

/** Outputs, the largest first, until they cover an amount or all are taken; what they have together. */
export function largestFirst<C extends Pick<Coin, 'amount'>>(
  coins: readonly C[],
  amount: bigint,
): { readonly picked: C[]; readonly sum: bigint } {
  const sorted = [...coins].sort((a, b) => (a.amount < b.amount ? 1 : -1));
  const picked: C[] = [];
  let sum = 0n;
  for (const coin of sorted) {
    if (sum >= amount) break;
    picked.push(coin);
    sum += coin.amount;
  }
  return { picked, sum };
}

/**
 * Outputs of one token that cover an amount, the largest first: as few as there can be.
 * @throws PalisadeError `wallet/not-enough`, `wallet/too-many-outputs`
 */
export function pickCoins<C extends Coin>(coins: readonly C[], amount: bigint, most: number): C[] {
  const { picked, sum } = largestFirst(coins, amount);
  if (sum < amount)
    throw new PalisadeError({
      code: 'wallet/not-enough',
      message: `All outputs together have ${sum} base units, and ${amount} are needed with the fee.`,
      data: { has: sum, needs: amount },
      next: 'Deposit more: palisade deposit AMOUNT',
    });
  if (picked.length <= most) return picked;
  throw new PalisadeError({
    code: 'wallet/too-many-outputs',
    message: `It takes ${picked.length} outputs to pay so much, and a payment has ${most} inputs at most.`,
    next: 'Pay yourself first, several times, to join outputs.',
  });
}
