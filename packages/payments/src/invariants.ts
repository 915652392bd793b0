/** Laws of payments: run by tests after every block, and against a live node. */
import type { Invariant } from '@palisade/chain';
import { toHex } from '@palisade/core';
import { numberOf } from './format/integers.ts';
import { add, tokenKey, tokenOf } from './rules/amounts.ts';
import {
  allOutputs,
  collected,
  countIndexed,
  exiting,
  leaves,
  openChildBlock,
  outputAt,
  totalOf,
  totals,
} from './state.ts';
import { owedTo, submitters } from './submitters.ts';

/** Every unit that was deposited is in an output, waits to be claimed as a fee, or has left by an exit. */
const nothingIsLost: Invariant = {
  name: 'payments: outputs + fees not claimed = deposits - exits, for every token',
  check(state) {
    const sums = new Map<string, bigint>();
    for (const [, { token, amount }] of allOutputs(state)) add(sums, tokenKey(token), amount);
    for (const [[token], amount] of collected.list(state))
      add(sums, tokenKey(token), numberOf(amount));
    for (const [[token]] of totals.list(state)) add(sums, tokenKey(token), 0n);
    for (const [key, sum] of sums) {
      const token = tokenOf(key);
      const left = totalOf(state, token, 'deposited') - totalOf(state, token, 'exited');
      if (sum !== left)
        return `${toHex(token)}: outputs and fees are ${sum}, left should be ${left}`;
    }
    return undefined;
  },
};

const indexIsWhole: Invariant = {
  name: 'payments: every output stands in the index of its owner, and nothing else does',
  check(state) {
    let count = 0;
    for (const _ of allOutputs(state)) count++;
    const indexed = countIndexed(state);
    return count === indexed ? undefined : `${count} outputs, ${indexed} in the index`;
  },
};

const locksHold: Invariant = {
  name: 'payments: what is exiting is there',
  check(state) {
    for (const [[position], open] of exiting.list(state))
      if (open === 0 || !outputAt(state, position)) return `${position} has ${open} open exits`;
    return undefined;
  },
};

const leavesCount: Invariant = {
  name: 'payments: the open block has a leaf for each of its transactions',
  check(state) {
    let count = 0;
    for (const [[index]] of leaves.list(state))
      if (index !== BigInt(count++)) return `leaf ${index} stands at place ${count - 1}`;
    const made = openChildBlock.get(state)?.count ?? 0;
    return made === count ? undefined : `${made} transactions, ${count} leaves`;
  },
};

const nobodyGetsMoreThanGas: Invariant = {
  name: 'payments: no submitter of child blocks got more than its gas',
  check(state) {
    for (const [[address], record] of submitters.list(state))
      if (owedTo(record) < 0n) return `${toHex(address)} got ${-owedTo(record)} wei too much`;
    return undefined;
  },
};

export const paymentInvariants: readonly Invariant[] = [
  nothingIsLost,
  indexIsWhole,
  locksHold,
  leavesCount,
  nobodyGetsMoreThanGas,
];
