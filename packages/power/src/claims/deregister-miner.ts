import { handle, release } from '@palisade/chain';
import { command, type KeyValueReader, type Refusal, refuse, toHex } from '@palisade/core';
import { notAMiner } from '../errors.ts';
import { minerDeregistered } from '../events.ts';
import { memorySessions, params } from '../params.ts';
import { claims, pastClaims, totals } from './claim.ts';
import { MINER_DEPOSIT } from './create-miner.ts';
import { settled } from './entries.ts';

/** Ends a registration that nothing hangs on any more. */
export const deregisterMiner = command({
  name: 'power.deregister-miner',
  title: 'Leave as a miner',
  doc: 'Returns the deposit of a miner that has no power, no sectors and nothing to answer for.',
  // The account's own word: its machine may be revoked by then.
  signer: 'account',
  fields: {},
});

/** Why a miner cannot leave because of its sectors. */
export type SectorCheck = (state: KeyValueReader, miner: Uint8Array) => Refusal | undefined;

export function deregisterMinerHandler(cannotLeave: SectorCheck) {
  return handle(deregisterMiner, {
    verify({ state, sender, session }) {
      const claim = claims.get(state, sender.account);
      if (!claim) return notAMiner(sender.account);
      if (claim.raw > 0n)
        return refuse(
          'power/has-power',
          `${toHex(sender.account)} has ${claim.raw} bytes of power.`,
          {
            next: 'Let its sectors expire or terminate them first.',
          },
        );
      const { entries } = settled(state, claim, session.number);
      const free = claim.lastBacked + memorySessions(params.need(state));
      if (entries.amounts.length > 0 || (claim.lastBacked > 0n && session.number < free))
        return refuse(
          'power/still-answers',
          `${toHex(sender.account)} answers for collators that it backed until session ${free}.`,
          { retry: 'later', data: { session: free }, next: 'Leave then.' },
        );
      return cannotLeave(state, sender.account);
    },
    apply(ctx) {
      const { state, sender } = ctx;
      const { deposit, lastBacked } = claims.need(state, sender.account);
      if (deposit > 0n) release(state, sender.account, MINER_DEPOSIT, deposit);
      if (lastBacked > 0n) pastClaims.delete(state, lastBacked, sender.account);
      claims.delete(state, sender.account);
      const sums = totals.need(state);
      totals.set(state, [], { ...sums, miners: sums.miners - 1n });
      ctx.emit(minerDeregistered, { miner: sender.account, deposit });
    },
  });
}
