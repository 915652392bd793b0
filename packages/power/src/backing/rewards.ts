/**
 * What a collator earns goes to those who lent it the power for its seat, but for its commission:
 * in proportion to what they had lent in the snapshot it was drawn from, exact to the unit.
 */
import {
  type BlockContext,
  FEE_POT,
  moduleAccount,
  PPM,
  type RewardSink,
  transfer,
  validators,
} from '@palisade/chain';
import { collators } from '../collators/collator.ts';
import { seatOf } from '../seats/seating.ts';
import { powerIn } from './slash.ts';
import { beginWalk, type Visitor, WALK, type Walk } from './walk.ts';

/** Where rewards wait until their walk has passed everybody. */
export const REWARDS = moduleAccount('power.rewards');

/** The sink of the session's rewards: validators whose seat was not drawn keep everything. */
export const shareWithBackers: RewardSink = (ctx, nodeKey, amount) => {
  const { state, session } = ctx;
  const { account } = validators.need(state, nodeKey);
  const seat = seatOf(state, session.number, nodeKey);
  const collator = collators.get(state, nodeKey);
  const power =
    seat && collator && seat.snapshot > 0n ? powerIn(state, nodeKey, seat.snapshot) : 0n;
  if (!seat || !collator || power === 0n) {
    transfer(state, FEE_POT, account, amount);
    return;
  }
  const commission = (amount * BigInt(collator.commissionPpm)) / PPM;
  transfer(state, FEE_POT, account, commission);
  transfer(state, FEE_POT, REWARDS, amount - commission);
  if (amount === commission) return;
  const { generation, snapshot } = seat;
  const walk = { kind: WALK.reward, collator: nodeKey, generation, snapshot, power };
  beginWalk(ctx, { ...walk, amount: amount - commission });
};

/** Pays one backer the difference of two rounded-down running sums: together they are all of it. */
export const payBacker: Visitor = ({ state }, { amount, power, seen }, { miner, lent }) => {
  const share = (amount * (seen + lent)) / power - (amount * seen) / power;
  transfer(state, REWARDS, miner, share);
  return share;
};

/** What no backer was found for is the collator's own. */
export function payRest({ state }: BlockContext, { collator, amount, done }: Walk): void {
  const owner = collators.need(state, collator).account;
  transfer(state, REWARDS, owner, amount - done);
}
