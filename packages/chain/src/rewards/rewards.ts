/**
 * The reward sink: at the end of a session its fee pot is burned in part, and the rest fans out to
 * the validators that served, by weight times blocks attended (market chapter, Decisions).
 */
import { bytes32, u64, u128 } from '@palisade/core';
import { FEE_POT } from '../accounts/charge.ts';
import { balanceOf, burn, transfer } from '../accounts/ledger.ts';
import { event } from '../module/event.ts';
import type { BlockContext, Module } from '../module/module.ts';
import { PPM, params } from '../params.ts';
import { attendance, validators } from '../validators/state.ts';

export const feesPaid = event({
  name: 'rewards.paid',
  doc: "A validator's share of the session's fees.",
  fields: { session: u64, validator: bytes32, amount: u128 },
});
export const feesBurned = event({
  name: 'rewards.burned',
  doc: "The burned share of the session's fees.",
  fields: { session: u64, amount: u128 },
});

/** Who gets a validator's reward; backers and stakers take their part of it here. */
export type RewardSink = (ctx: BlockContext, validator: Uint8Array, amount: bigint) => void;

/** All of it to the validator's own account. */
export const toOwner: RewardSink = ({ state }, nodeKey, amount) =>
  transfer(state, FEE_POT, validators.need(state, nodeKey).account, amount);

/**
 * Shares of `total` in proportion to `weights`, exact to the unit: each is the difference of two
 * rounded-down running sums, so that together they are all of it.
 */
export function splitByWeight(total: bigint, weights: readonly bigint[]): bigint[] {
  const sum = weights.reduce((a, b) => a + b, 0n);
  if (sum === 0n) return weights.map(() => 0n);
  let seen = 0n;
  return weights.map((weight) => {
    const before = (total * seen) / sum;
    seen += weight;
    return (total * seen) / sum - before;
  });
}

function payFees(ctx: BlockContext, sink: RewardSink): void {
  const { state, session } = ctx;
  // One that lost its seat by silence has left the table, and its share with it.
  const served = [...attendance.list(state, session.number)].flatMap(
    ([[, nodeKey], { blocks }]) => {
      const validator = validators.get(state, nodeKey);
      return validator ? [{ nodeKey, weight: validator.weight * blocks }] : [];
    },
  );
  const pot = balanceOf(state, FEE_POT).free;
  if (pot === 0n || served.length === 0) return;
  const burned = (pot * BigInt(params.need(state).feeBurnPpm)) / PPM;
  if (burned > 0n) {
    burn(state, FEE_POT, burned, 'fees');
    ctx.emit(feesBurned, { session: session.number, amount: burned });
  }
  const shares = splitByWeight(
    pot - burned,
    served.map(({ weight }) => weight),
  );
  served.forEach(({ nodeKey }, i) => {
    if (shares[i] === 0n) return;
    sink(ctx, nodeKey, shares[i]!);
    ctx.emit(feesPaid, { session: session.number, validator: nodeKey, amount: shares[i]! });
  });
}

/** Must stand before `validators` in the composition, which forgets the attendance. */
export function rewardsModule(sink: RewardSink): Module {
  return {
    name: 'rewards',
    events: [feesPaid, feesBurned],
    hooks: { sessionEnd: (ctx) => payFees(ctx, sink) },
  };
}
