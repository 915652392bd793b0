import { toHex } from '@palisade/core';
import type { Invariant } from '../module/module.ts';
import { balances, holds, supplies } from './state.ts';

/** Issuance per denomination is exactly what all accounts hold. */
export const issuance: Invariant = {
  name: 'accounts: balances + holds = genesis + minted - burned',
  check(state) {
    const sums = new Map<string, bigint>();
    for (const [[, denom], { free, held }] of balances.list(state))
      sums.set(denom, (sums.get(denom) ?? 0n) + free + held);
    for (const [[denom], { genesis, minted, burned }] of supplies.list(state)) {
      const sum = sums.get(denom) ?? 0n;
      sums.delete(denom);
      if (sum !== genesis + minted - burned)
        return `${denom}: accounts hold ${sum}, issued are ${genesis + minted - burned}`;
    }
    for (const [denom, sum] of sums) return `${denom}: ${sum} are held but were never issued`;
    return undefined;
  },
};

/** What is held of an account is the sum of its holds by purpose. */
export const holdsAddUp: Invariant = {
  name: 'accounts: held = sum of holds by purpose',
  check(state) {
    const sums = new Map<string, bigint>();
    for (const [[account, key], amount] of holds.list(state)) {
      const id = `${toHex(account)} ${key.slice(0, key.indexOf(':'))}`;
      sums.set(id, (sums.get(id) ?? 0n) + amount);
    }
    for (const [[account, denom], { held }] of balances.list(state)) {
      const id = `${toHex(account)} ${denom}`;
      const sum = sums.get(id) ?? 0n;
      sums.delete(id);
      if (sum !== held) return `${id}: held ${held}, holds add up to ${sum}`;
    }
    for (const [id, sum] of sums) return `${id}: a hold of ${sum} without a balance`;
    return undefined;
  },
};
