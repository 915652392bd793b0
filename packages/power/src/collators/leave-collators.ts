import { handle } from '@palisade/chain';
import { bytes32, command, equalBytes, refuse } from '@palisade/core';
import { totals } from '../claims/claim.ts';
import { notACollator, notYourCollator } from '../errors.ts';
import { params } from '../params.ts';
import { knownValidators } from '../seats/plan.ts';
import { candidate } from './collator.ts';
import { REMOVAL, removeCollator } from './remove-collator.ts';

/** Ends a candidacy: lent power is free at once, a seat is kept until the session ends. */
export const leaveCollators = command({
  name: 'power.leave-collators',
  title: 'Leave as a collator',
  doc: 'Frees what was lent; the bond is free after the unbonding time.',
  signer: 'account',
  fields: { collator: bytes32.is('Its node key') },
});

export const leaveCollatorsHandler = handle(leaveCollators, {
  verify({ state, sender }, { collator }) {
    const record = candidate(state, collator);
    if (!record) return notACollator(collator);
    if (!equalBytes(record.account, sender.account)) return notYourCollator(collator);
    const { minEligible } = params.need(state);
    const left = Number(totals.need(state).collators) + knownValidators(state).length - 1;
    if (left < minEligible)
      return refuse(
        'power/too-few-left',
        `Only ${left} validators would be left; at least ${minEligible} must be.`,
        { retry: 'later', next: 'Leave when others have registered.' },
      );
    return undefined;
  },
  apply: (ctx, { collator }) => removeCollator(ctx, collator, REMOVAL.left),
});
