/** Where every unit of every denomination is: for development networks and their story. */
import { balanceOf, balances, FEE_POT, holds, supplies } from '@palisade/chain';
import { equalBytes, type KeyValueReader } from '@palisade/core';
import { ARCHIVE, ESCROW } from '@palisade/market';

export type Totals = {
  readonly denom: string;
  readonly balances: bigint;
  readonly holds: bigint;
  readonly escrow: bigint;
  readonly feePot: bigint;
  /** Set aside of fees, to have payout files kept. */
  readonly archive: bigint;
  readonly burned: bigint;
  readonly minted: bigint;
  readonly genesis: bigint;
};

/** Accounts of the chain itself, each told apart. */
const APART = [ESCROW, FEE_POT, ARCHIVE];

/** Sums over all accounts: its cost grows with them, so no public network serves it. */
export function totalsOf(state: KeyValueReader): Totals[] {
  return [...supplies.list(state)].map(([[denom], { genesis, minted, burned }]) => {
    let free = 0n;
    for (const [[account, of], balance] of balances.list(state))
      if (of === denom && !APART.some((other) => equalBytes(account, other))) free += balance.free;
    let held = 0n;
    for (const [[, key], amount] of holds.list(state))
      if (key.startsWith(`${denom}:`)) held += amount;
    return {
      denom,
      balances: free,
      holds: held,
      escrow: balanceOf(state, ESCROW, denom).free,
      feePot: balanceOf(state, FEE_POT, denom).free,
      archive: balanceOf(state, ARCHIVE, denom).free,
      burned,
      minted,
      genesis,
    };
  });
}
