import { cannotHold, handle, hold } from '@palisade/chain';
import { command, refuse, toHex, u128 } from '@palisade/core';
import { bondPosted } from '../standing/events.ts';
import { standingParamsOf } from '../standing/notes.ts';
import { probationBonds } from '../standing/records.ts';

/** Puts up, or adds to, the bond that speaks for a partner while nobody knows it. */
export const postBond = command({
  name: 'market.post-bond',
  title: 'Post a probation bond',
  doc: "Holds money of a partner's account for as long as it is new; it can be had back.",
  signer: 'node',
  fields: { amount: u128.is('Base units to add') },
});

/** Purpose under which a bond is held on the account: one account may have several partners. */
export function bondPurpose(partner: Uint8Array): string {
  return `market.bond/${toHex(partner).slice(2)}`;
}

export const postBondHandler = handle(postBond, {
  verify({ state, sender }, { amount }) {
    const { bond } = standingParamsOf(state);
    const posted = probationBonds.get(state, sender.nodeKey!)?.amount ?? 0n;
    if (amount === 0n || posted + amount < bond)
      return refuse(
        'market/bond-too-small',
        `A bond is ${bond} base units or more; it would be ${posted + amount}.`,
        { data: { posted, bond }, next: `Post at least ${bond - posted}.` },
      );
    return cannotHold(state, sender.account, amount);
  },
  apply(ctx, { amount }) {
    const { state, sender, session } = ctx;
    const partner = sender.nodeKey!;
    const before = probationBonds.get(state, partner);
    const total = (before?.amount ?? 0n) + amount;
    hold(state, sender.account, bondPurpose(partner), amount);
    probationBonds.set(state, [partner], {
      account: sender.account,
      amount: total,
      // What is added later serves no longer than what was there.
      session: before && before.amount > 0n ? before.session : session.number,
      served: before?.served ?? 0,
    });
    ctx.emit(bondPosted, { partner, account: sender.account, amount, total });
  },
});
