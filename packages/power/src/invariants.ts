/** Laws of power's state: run by tests after every block, and against a live node. */
import { balanceOf, heldFor, type Invariant } from '@palisade/chain';
import { toHex } from '@palisade/core';
import { REWARDS } from './backing/rewards.ts';
import { WALK, walks } from './backing/walk.ts';
import { claims, totals } from './claims/claim.ts';
import { DelegationColumns } from './claims/columns.ts';
import { MINER_DEPOSIT } from './claims/create-miner.ts';
import { ENTRY, listed } from './claims/entry.ts';
import { lentSum } from './claims/lent.ts';
import { bondPurpose, endedBonds } from './collators/bond.ts';
import { candidates, collators } from './collators/collator.ts';

/** What is lent, unbonding, quarantined or free is what was proven, of each and of all. */
const powerAddsUp: Invariant = {
  name: 'power: entries <= raw for every miner, and raw adds up to the total',
  check(state) {
    let raw = 0n;
    let miners = 0n;
    for (const [[miner], claim] of claims.list(state)) {
      raw += claim.raw;
      miners++;
      if (claim.entries.bound > claim.raw)
        return `${toHex(miner)} has ${claim.raw} and binds ${claim.entries.bound}`;
      const entries = listed(claim.entries);
      if (entries.some(({ amount }) => amount === 0n)) return `${toHex(miner)}: empty entry`;
      for (const { kind, until } of entries)
        if ((kind === ENTRY.delegated) !== (until === 0n)) return `${toHex(miner)}: odd entry`;
      if (heldFor(state, miner, MINER_DEPOSIT) !== claim.deposit)
        return `${toHex(miner)}: the deposit is not held`;
    }
    const found = totals.get(state);
    return found?.raw === raw && found.miners === miners
      ? undefined
      : `claims add up to ${raw} of ${miners}, recorded are ${found?.raw} of ${found?.miners}`;
  },
};

/** A collator's running sum is what claims lend to its registration. */
const sumsAreRight: Invariant = {
  name: "power: every collator's power = sum of what is lent to its registration",
  check(state) {
    const columns = DelegationColumns.from(state);
    const lent = new Map<string, bigint>();
    for (const [i, sum] of columns.delegated().entries()) {
      const { collator, generation } = columns.names[i]!;
      lent.set(`${toHex(collator)} ${generation}`, sum);
    }
    let registered = 0n;
    for (const [[nodeKey], collator] of collators.list(state)) {
      const { generation } = collator;
      const isRegistered = collator.registered === 1;
      // What names a registration that has ended is settled when its miner is touched.
      const sum = isRegistered ? (lent.get(`${toHex(nodeKey)} ${generation}`) ?? 0n) : 0n;
      const power = lentSum(state, generation);
      if (power !== sum) return `${toHex(nodeKey)}: ${power}, claims lend ${sum}`;
      if (candidates.has(state, nodeKey) !== isRegistered)
        return `${toHex(nodeKey)}: candidate in one place only`;
      if (isRegistered) registered++;
    }
    return totals.get(state)?.collators === registered ? undefined : 'miscounted collators';
  },
};

/** Every bond is held on its owner's account, and nothing else is under its purpose. */
const bondsAreHeld: Invariant = {
  name: 'power: holds for a collator = its bond + bonds of its ended registrations',
  check(state) {
    for (const [[nodeKey], { account, bond }] of collators.list(state)) {
      let sum = bond;
      for (const [, ended] of endedBonds.list(state, nodeKey))
        if (toHex(ended.account) === toHex(account)) sum += ended.amount;
      if (heldFor(state, account, bondPurpose(nodeKey)) !== sum)
        return `${toHex(nodeKey)}: ${heldFor(state, account, bondPurpose(nodeKey))} held, not ${sum}`;
    }
    return undefined;
  },
};

/** Rewards that were not paid yet are all that is in their account. */
const rewardsWait: Invariant = {
  name: 'power: rewards account = what walks have still to pay',
  check(state) {
    let sum = 0n;
    for (const [, { kind, amount, done }] of walks.list(state))
      if (kind === WALK.reward) sum += amount - done;
    const { free, held } = balanceOf(state, REWARDS);
    return free + held === sum ? undefined : `the account has ${free + held}, walks owe ${sum}`;
  },
};

export const powerInvariants: readonly Invariant[] = [
  powerAddsUp,
  sumsAreRight,
  bondsAreHeld,
  rewardsWait,
];
