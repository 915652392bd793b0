import { address, bytes32, text } from '@palisade/core';
import { event } from '../module/event.ts';

export const nodeKeyBound = event({
  name: 'accounts.node-key-bound',
  doc: 'A machine key now acts for an account.',
  fields: { nodeKey: bytes32, account: address, label: text(32) },
});

export const nodeKeyRevoked = event({
  name: 'accounts.node-key-revoked',
  doc: 'A machine key acts no more.',
  fields: { nodeKey: bytes32, account: address },
});
