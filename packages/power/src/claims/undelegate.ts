import { handle } from '@palisade/chain';
import { bytes32, command, refuse, toHex, u64 } from '@palisade/core';
import { notAMiner, tooLittle } from '../errors.ts';
import { powerUndelegated } from '../events.ts';
import { params } from '../params.ts';
import { claims } from './claim.ts';
import { lentTo } from './delegate.ts';
import { ordered, settled } from './entries.ts';
import { ENTRY, entriesOf, listed, raised } from './entry.ts';
import { addLent } from './lent.ts';
import { writeClaim } from './write-claim.ts';

/** Takes lent power back: out of the draw from the next session on, free after the unbonding time. */
export const undelegate = command({
  name: 'power.undelegate',
  title: 'Take power back from a collator',
  doc: 'It stops counting with the next session, and answers for the collator until it has unbonded.',
  signer: 'account',
  fields: { collator: bytes32.is('Its node key'), amount: u64.is('Power, bytes') },
});

/** Entries of a claim from which on no more can be taken back: quarantines need room, too. */
const MANY_ENTRIES = 64;

export const undelegateHandler = handle(undelegate, {
  verify({ state, sender, session }, { collator, amount }) {
    const stored = claims.get(state, sender.account);
    if (!stored) return notAMiner(sender.account);
    const claim = settled(state, stored, session.number);
    const lent = lentTo(state, claim, collator);
    if (!lent)
      return refuse('power/nothing-lent', `Nothing is lent to ${toHex(collator)}.`, {
        next: 'What was lent to a collator that has gone is free by itself.',
      });
    if (amount === 0n || amount > lent.amount)
      return refuse(
        'power/not-lent-that-much',
        `${lent.amount} bytes are lent to ${toHex(collator)}, not ${amount}.`,
        { data: { lent: lent.amount }, next: 'Take back at most what is lent.' },
      );
    const left = lent.amount - amount;
    const { minDelegation } = params.need(state);
    if (left > 0n && left < minDelegation) return tooLittle(left, minDelegation);
    const parts = claim.entries.amounts.length;
    if (parts >= MANY_ENTRIES)
      return refuse(
        'power/too-many-unbonding',
        `${parts} parts of this claim are lent or unbonding: no more can be taken back now.`,
        { retry: 'later', next: 'Wait for the oldest to be free, or take more at once.' },
      );
    return undefined;
  },
  apply(ctx, { collator, amount }) {
    const { state, sender, session } = ctx;
    const stored = claims.need(state, sender.account);
    const claim = settled(state, stored, session.number);
    const entry = lentTo(state, claim, collator)!;
    const until = session.number + BigInt(params.need(state).unbondingSessions);
    const left = raised(claim.entries, entry.at, -amount);
    const { generation } = entry;
    const taken = { collator, generation, kind: ENTRY.unbonding, until, amount };
    const entries = entriesOf(ordered([...listed(left), taken]));
    writeClaim(ctx, sender.account, stored, { ...claim, entries });
    addLent(state, generation, -amount);
    ctx.emit(powerUndelegated, { miner: sender.account, collator, generation, amount, until });
  },
});
