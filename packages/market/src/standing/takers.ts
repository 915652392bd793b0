/** A partner's standing, bond and exposure together, and the commands' question about them. */
import type { TxContext } from '@palisade/chain';
import type { KeyValueReader, Refusal } from '@palisade/core';
import { cannotTake, type Load, type Taker } from './limits.ts';
import { exposureOf, standingOf, standingParamsOf } from './notes.ts';
import { probationBonds, ROLE } from './records.ts';

export function takerOf(state: KeyValueReader, partner: Uint8Array, session: bigint): Taker {
  return {
    standing: standingOf(state, ROLE.partner, partner, session),
    bond: probationBonds.get(state, partner),
    exposure: exposureOf(state, partner),
  };
}

/** Why the sending partner may not take a load on, or undefined. */
export function mayNotTake({ state, session, sender }: TxContext, load: Load): Refusal | undefined {
  const taker = takerOf(state, sender.nodeKey!, session.number);
  return cannotTake(taker, load, standingParamsOf(state));
}
