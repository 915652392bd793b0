/**
 * A miner's collateral: deposits of what is announced, pledges of what is proven. Both are held on the
 * miner's own account. A pledge also answers for validators that the miner lends power to; what is
 * taken for them is noted as `slashed` and charged to whichever sector's pledge moves next, so that
 *
 *   held pledge = pledges of all sectors + pledges that come free later - slashed
 */

import type { BlockContext } from '@palisade/chain';
import { burnHeld, heldFor, hold, release, type State, transfer } from '@palisade/chain';
import type { Collateral } from '../backing/slash.ts';
import { disputeReward } from './fees.ts';
import type { SectorsParams } from './params.ts';
import { laterPledges, miners, type Sector, sectors } from './state.ts';

/** Purposes under which collateral is held. */
export const DEPOSIT = 'sectors.deposit';
export const PLEDGE = 'sectors.pledge';

/** Pledges answer for the collators that a miner backs, too. */
export const pledges: Collateral = {
  amount: (state, miner) => heldFor(state, miner, PLEDGE),
  slash({ state }, miner, amount) {
    let taken = heldFor(state, miner, PLEDGE);
    if (amount < taken) taken = amount;
    if (taken === 0n) return 0n;
    burnHeld(state, miner, PLEDGE, taken, 'slash');
    const record = miners.need(state, miner);
    miners.set(state, [miner], { ...record, slashed: record.slashed + taken });
    return taken;
  },
};

/** Of `amount` that leaves a pledge, what is still there: others may have taken it before. */
function leaving(state: State, miner: Uint8Array, amount: bigint): bigint {
  const record = miners.need(state, miner);
  const gone = record.slashed < amount ? record.slashed : amount;
  if (gone > 0n) miners.set(state, [miner], { ...record, slashed: record.slashed - gone });
  return amount - gone;
}

/** A deposit becomes a pledge: the difference comes from, or returns to, what the miner has free. */
export function depositToPledge(
  state: State,
  miner: Uint8Array,
  deposit: bigint,
  pledge: bigint,
): void {
  if (deposit > 0n) release(state, miner, DEPOSIT, deposit);
  if (pledge > 0n) hold(state, miner, PLEDGE, pledge);
}

/** The deposit of what was never proven: burned whole, once. */
export function burnDeposit(state: State, miner: Uint8Array, deposit: bigint): void {
  if (deposit > 0n) burnHeld(state, miner, DEPOSIT, deposit, 'sectors.unproven');
}

/** Takes a fee from a sector's pledge, as much as is left of it, and burns it. Returns the fee. */
export function burnFee(
  state: State,
  miner: Uint8Array,
  number: bigint,
  fee: bigint,
  sink: string,
): bigint {
  const taken = takeFrom(state, miner, number, fee);
  const there = leaving(state, miner, taken);
  if (there > 0n) burnHeld(state, miner, PLEDGE, there, sink);
  return taken;
}

/** As `burnFee`, for what somebody else has shown: a share of it is that one's reward. */
export function payFine(
  state: State,
  params: SectorsParams,
  miner: Uint8Array,
  fines: readonly { readonly number: bigint; readonly fine: bigint }[],
  discoverer: Uint8Array,
): { readonly taken: bigint; readonly reward: bigint } {
  let taken = 0n;
  for (const { number, fine } of fines) taken += takeFrom(state, miner, number, fine);
  const there = leaving(state, miner, taken);
  const reward = disputeReward(params, there);
  if (reward > 0n) {
    release(state, miner, PLEDGE, reward);
    transfer(state, miner, discoverer, reward);
  }
  if (there > reward) burnHeld(state, miner, PLEDGE, there - reward, 'sectors.dispute');
  return { taken, reward };
}

function takeFrom(state: State, miner: Uint8Array, number: bigint, fee: bigint): bigint {
  const sector = sectors.need(state, miner, number);
  const taken = fee < sector.pledge ? fee : sector.pledge;
  if (taken > 0n) {
    const changed: Sector = { ...sector, pledge: sector.pledge - taken };
    sectors.set(state, [miner, number], changed);
  }
  return taken;
}

/** Gives a pledge back: at once, or with the session that ends what the miner answers for. */
export function returnPledge(
  ctx: BlockContext,
  miner: Uint8Array,
  number: bigint,
  pledge: bigint,
  answersUntil: bigint,
): void {
  if (pledge === 0n) return;
  if (answersUntil > ctx.session.number)
    laterPledges.set(ctx.state, [answersUntil, miner, number], pledge);
  else releasePledge(ctx.state, miner, pledge);
}

function releasePledge(state: State, miner: Uint8Array, pledge: bigint): void {
  const there = leaving(state, miner, pledge);
  if (there > 0n) release(state, miner, PLEDGE, there);
}

/** Gives back what comes free with a session. */
export function returnLaterPledges({ state }: BlockContext, session: bigint): void {
  for (const [key, pledge] of [...laterPledges.list(state, session)]) {
    laterPledges.delete(state, ...key);
    releasePledge(state, key[1], pledge);
  }
}
