import { handle } from '@palisade/chain';
import { bytes32, command, equalBytes, refuse, toHex, u64 } from '@palisade/core';
import { collators } from '../collators/collator.ts';
import { slashCancelled } from '../events.ts';
import { params } from '../params.ts';
import { SLASH, slashes, slashesDue } from './slash.ts';

/** Takes back a slash that was wrong, as a bug of a signer, before it is carried out. */
export const cancelSlash = command({
  name: 'power.cancel-slash',
  title: 'Cancel a slash',
  doc: "The chain owner's word that a proven offence was none; the collator may register again.",
  signer: 'account',
  fields: { session: u64.is('Of the offence'), collator: bytes32.is('Its node key') },
});

export const cancelSlashHandler = handle(cancelSlash, {
  verify({ state, sender }, { session, collator }) {
    if (!equalBytes(params.need(state).owner, sender.account))
      return refuse('power/not-the-owner', 'Only the chain owner can cancel a slash.');
    const slash = slashes.get(state, session, collator);
    if (slash?.state !== SLASH.deferred)
      return refuse(
        'power/no-slash',
        `No slash of ${toHex(collator)} for session ${session} is waiting.`,
      );
    return undefined;
  },
  apply(ctx, { session, collator }) {
    const { state } = ctx;
    const slash = slashes.need(state, session, collator);
    slashes.set(state, [session, collator], { ...slash, state: SLASH.cancelled });
    slashesDue.delete(state, slash.due, session, collator);
    collators.set(state, [collator], { ...collators.need(state, collator), barredUntil: 0n });
    ctx.emit(slashCancelled, { collator, session });
  },
});
