import { cannotHold, handle, hold } from '@palisade/chain';
import { bytes32, command, equalBytes, refuse, u128 } from '@palisade/core';
import { notACollator, notYourCollator } from '../errors.ts';
import { bondAdded } from '../events.ts';
import { bondPurpose } from './bond.ts';
import { candidate, collators, noteCandidate } from './collator.ts';

/** Adds to a collator's bond. It cannot be lowered: whoever wants it back leaves. */
export const addBond = command({
  name: 'power.add-bond',
  title: "Add to a collator's bond",
  doc: 'Holds more of what answers for a collator.',
  signer: 'account',
  fields: { collator: bytes32.is('Its node key'), amount: u128.is('Base units') },
});

export const addBondHandler = handle(addBond, {
  verify({ state, sender }, { collator, amount }) {
    const record = candidate(state, collator);
    if (!record) return notACollator(collator);
    if (!equalBytes(record.account, sender.account)) return notYourCollator(collator);
    if (amount === 0n) return refuse('power/zero-amount', 'Nothing would be added.');
    return cannotHold(state, sender.account, amount);
  },
  apply(ctx, { collator, amount }) {
    const { state, sender } = ctx;
    const record = candidate(state, collator)!;
    const bond = record.bond + amount;
    hold(state, sender.account, bondPurpose(collator), amount);
    collators.set(state, [collator], { ...record, bond });
    noteCandidate(state, collator, bond);
    ctx.emit(bondAdded, { collator, amount, bond });
  },
});
