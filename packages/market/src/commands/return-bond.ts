import { formatAmount, handle, release } from '@palisade/chain';
import { bytes32, command, equalBytes, refuse, toHex } from '@palisade/core';
import { placeOnRing } from '../challenges/ring.ts';
import { bondReturned } from '../standing/events.ts';
import { exposureLimit } from '../standing/limits.ts';
import { standingParamsOf } from '../standing/notes.ts';
import { probationBonds } from '../standing/records.ts';
import { takerOf } from '../standing/takers.ts';
import { bondPurpose } from './post-bond.ts';

/** Gives a partner's bond back when it was held for its time and nothing in flight leans on it. */
export const returnBond = command({
  name: 'market.return-bond',
  title: 'Have a probation bond returned',
  doc: "Frees a partner's bond after its time.",
  // The account's own word: its machine may be revoked by then.
  signer: 'account',
  fields: { partner: bytes32.is("The partner's node key") },
});

export const returnBondHandler = handle(returnBond, {
  verify({ state, sender, session }, { partner }) {
    const params = standingParamsOf(state);
    const taker = takerOf(state, partner, session.number);
    const { bond } = taker;
    if (!bond || bond.amount === 0n || !equalBytes(bond.account, sender.account))
      return refuse('market/no-bond', `This account holds no bond for ${toHex(partner)}.`);
    const free = bond.session + BigInt(params.bondSessions);
    if (session.number < free)
      return refuse(
        'market/bond-held',
        `The bond is held until session ${free}; ${session.number} is running.`,
        { retry: 'later', data: { session: free }, next: 'Ask again then.' },
      );
    const { value } = taker.exposure;
    const limit = exposureLimit({ ...taker, bond: undefined }, params);
    if (value > limit)
      return refuse(
        'market/over-exposed',
        `${formatAmount(value)} are in flight; without the bond the limit is ${formatAmount(limit)}.`,
        { retry: 'later', data: { inFlight: value, limit }, next: 'Ask again when less is.' },
      );
    return undefined;
  },
  apply(ctx, { partner }) {
    const { account, amount, session } = probationBonds.need(ctx.state, partner);
    release(ctx.state, account, bondPurpose(partner), amount);
    probationBonds.set(ctx.state, [partner], { account, amount: 0n, session, served: 1 });
    placeOnRing(ctx.state, partner);
    ctx.emit(bondReturned, { partner, account, amount });
  },
});
