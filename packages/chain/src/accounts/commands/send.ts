import { address, command, refuse, text, u128 } from '@palisade/core';
import { handle } from '../../module/module.ts';
import { cannotReceive, cannotSpend, transfer } from '../ledger.ts';
import { isDenom, MAX_NAME } from '../state.ts';

export const send = command({
  name: 'accounts.send',
  title: 'Send tokens',
  doc: 'Moves tokens from the signer to another account.',
  signer: 'account',
  fields: {
    to: address.is('Account that receives'),
    denom: text(MAX_NAME).is('Denomination, such as pal'),
    amount: u128.is('How much, in base units'),
  },
});

export const sendHandler = handle(send, {
  verify({ state, sender }, { to, denom, amount }) {
    if (amount === 0n)
      return refuse('accounts/zero-amount', 'A transfer of nothing moves nothing.');
    if (!isDenom(denom))
      return refuse('accounts/bad-denomination', 'There can be no denomination of this name.');
    return (
      cannotSpend(state, sender.account, amount, denom) ?? cannotReceive(state, to, amount, denom)
    );
  },
  apply: ({ state, sender }, { to, denom, amount }) =>
    transfer(state, sender.account, to, amount, denom),
});
