import { handle } from '@palisade/chain';
import { bytes32, command, type KeyValueReader, refuse, toHex, u64 } from '@palisade/core';
import { candidate } from '../collators/collator.ts';
import { notACollator, notAMiner, tooLittle } from '../errors.ts';
import { powerDelegated } from '../events.ts';
import { params } from '../params.ts';
import { backers, type Claim, claims } from './claim.ts';
import { ordered, settled } from './entries.ts';
import { ENTRY, entriesOf, lentAt, listed, raised } from './entry.ts';
import { addLent } from './lent.ts';
import { writeClaim } from './write-claim.ts';

/** Lends power to a collator; the snapshot at the end of the session is the first to see it. */
export const delegate = command({
  name: 'power.delegate',
  title: 'Lend power to a collator',
  doc: "Adds to a collator's weight in the draw from the next session on.",
  signer: 'account',
  fields: { collator: bytes32.is('Its node key'), amount: u64.is('Power, bytes') },
});

/** A claim's delegation to the registration that a collator has now: where it stands, and bytes. */
export function lentTo(state: KeyValueReader, { entries }: Claim, collator: Uint8Array) {
  const generation = candidate(state, collator)?.generation;
  const at = generation === undefined ? undefined : lentAt(entries, generation);
  if (generation === undefined || at === undefined) return undefined;
  return { at, generation, amount: entries.amounts[at]! };
}

export const delegateHandler = handle(delegate, {
  verify({ state, sender, session }, { collator, amount }) {
    const stored = claims.get(state, sender.account);
    if (!stored) return notAMiner(sender.account);
    const record = candidate(state, collator);
    if (!record) return notACollator(collator);
    const { minDelegation, maxCollators } = params.need(state);
    if (amount < minDelegation || amount === 0n) return tooLittle(amount, minDelegation);
    const claim = settled(state, stored, session.number);
    const free = claim.raw - claim.entries.bound;
    if (amount > free)
      return refuse(
        'power/not-enough-power',
        `${toHex(sender.account)} has ${free} of ${claim.raw} bytes free; ${amount} are more.`,
        { retry: 'later', data: { free }, next: 'Lend less, or wait for what is unbonding.' },
      );
    if (lentAt(claim.entries, record.generation) !== undefined) return undefined;
    const { lent } = claim.entries;
    if (lent >= maxCollators)
      return refuse(
        'power/too-many-collators',
        `Power is lent to ${lent} collators; ${maxCollators} is the most.`,
        { next: 'Take it back from one of them first.' },
      );
    return undefined;
  },
  apply(ctx, { collator, amount }) {
    const { state, sender, session } = ctx;
    const stored = claims.need(state, sender.account);
    const claim = settled(state, stored, session.number);
    const { generation } = candidate(state, collator)!;
    const at = lentAt(claim.entries, generation);
    const added = { collator, generation, kind: ENTRY.delegated, until: 0n, amount };
    const entries =
      at === undefined
        ? entriesOf(ordered([...listed(claim.entries), added]))
        : raised(claim.entries, at, amount);
    if (at === undefined) backers.set(state, [collator, BigInt(generation), sender.account], 1);
    const { raw, checked } = claim;
    writeClaim(ctx, sender.account, stored, { raw, checked, entries });
    addLent(state, generation, amount);
    ctx.emit(powerDelegated, { miner: sender.account, collator, generation, amount });
  },
});
