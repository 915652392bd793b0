import { cannotHold, handle, hold } from '@palisade/chain';
import { command, refuse, toHex } from '@palisade/core';
import { minerCreated } from '../events.ts';
import { params } from '../params.ts';
import { claims, totals } from './claim.ts';
import { entriesOf } from './entry.ts';

/** Purpose under which a miner's deposit is held on its account. */
export const MINER_DEPOSIT = 'power.miner';

/** Registers the account that the signing machine acts for. A storage partner does it when it starts. */
export const createMiner = command({
  name: 'power.create-miner',
  title: 'Register as a miner',
  doc: 'Begins an empty claim for the account that this machine acts for; a deposit is held.',
  signer: 'node',
  fields: {},
});

export const createMinerHandler = handle(createMiner, {
  verify({ state, sender }) {
    if (claims.has(state, sender.account))
      return refuse('power/miner-known', `${toHex(sender.account)} is a miner already.`, {
        next: 'Nothing is missing: this machine can announce sectors for it.',
      });
    return cannotHold(state, sender.account, params.need(state).minerDeposit);
  },
  apply(ctx) {
    const { state, sender, session } = ctx;
    const { minerDeposit: deposit } = params.need(state);
    if (deposit > 0n) hold(state, sender.account, MINER_DEPOSIT, deposit);
    const sums = totals.need(state);
    claims.set(state, [sender.account], {
      raw: 0n,
      deposit,
      since: session.number + 1n,
      lastBacked: 0n,
      checked: sums.removals,
      entries: entriesOf([]),
    });
    totals.set(state, [], { ...sums, miners: sums.miners + 1n });
    ctx.emit(minerCreated, { miner: sender.account, deposit });
  },
});
