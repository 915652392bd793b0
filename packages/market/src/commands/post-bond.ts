import { cannotHold, formatAmount, handle, hold } from '@palisade/chain';
import { command, refuse, toHex, u128 } from '@palisade/core';
import { placeOnRing } from '../challenges/ring.ts';
import { bondPosted } from '../standing/events.ts';
import { standingParamsOf } from '../standing/notes.ts';
import { probationBonds } from '../standing/records.ts';

/** Puts up, or adds to, the bond that speaks for a partner while nobody knows it. */
export const postBond = command({
  name: 'market.post-bond',
  title: 'Post a probation bond',
  doc: "Holds money of a partner's account for as long as it is new; it can be had back.",
  signer: 'node',
  fields: { total: u128.is('Bond in all, base units: sending it twice posts it once') },
});

/** Purpose under which a bond is held on the account: one account may have several partners. */
export function bondPurpose(partner: Uint8Array): string {
  return `market.bond/${toHex(partner).slice(2)}`;
}

export const postBondHandler = handle(postBond, {
  verify({ state, sender }, { total }) {
    const { bond } = standingParamsOf(state);
    const posted = probationBonds.get(state, sender.nodeKey!)?.amount ?? 0n;
    if (total <= posted || total < bond)
      return refuse(
        'market/bond-too-small',
        `A bond is ${formatAmount(bond)} or more, and only grows: ${formatAmount(posted)} are posted, ${formatAmount(total)} were named.`,
        { data: { posted, bond } },
      );
    return cannotHold(state, sender.account, total - posted);
  },
  apply(ctx, { total }) {
    const { state, sender, session } = ctx;
    const partner = sender.nodeKey!;
    const before = probationBonds.get(state, partner);
    const posted = before?.amount ?? 0n;
    hold(state, sender.account, bondPurpose(partner), total - posted);
    probationBonds.set(state, [partner], {
      account: sender.account,
      amount: total,
      // What is added later is held no longer than what was there.
      session: before && posted > 0n ? before.session : session.number,
      served: before?.served ?? 0,
    });
    placeOnRing(state, partner);
    ctx.emit(bondPosted, { partner, account: sender.account, amount: total - posted, total });
  },
});
