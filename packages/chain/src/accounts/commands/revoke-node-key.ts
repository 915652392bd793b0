import { bytes32, command, equalBytes, refuse } from '@palisade/core';
import { handle } from '../../module/module.ts';
import { nodeKeyRevoked } from '../events.ts';
import { nodeKeys } from '../state.ts';

export const revokeNodeKey = command({
  name: 'accounts.revoke-node-key',
  title: 'Revoke a node key',
  doc: 'Ends a machine key for ever; bind a new one to rotate.',
  signer: 'account',
  fields: { nodeKey: bytes32.is('ed25519 public key of the machine') },
});

export const revokeNodeKeyHandler = handle(revokeNodeKey, {
  verify({ state, sender }, { nodeKey }) {
    const bound = nodeKeys.get(state, nodeKey);
    if (!bound || bound.revoked === 1 || !equalBytes(bound.account, sender.account))
      return refuse('accounts/not-your-node-key', 'This node key is not bound to your account.');
    return undefined;
  },
  apply(ctx, { nodeKey }) {
    nodeKeys.set(ctx.state, [nodeKey], { ...nodeKeys.need(ctx.state, nodeKey), revoked: 1 });
    ctx.emit(nodeKeyRevoked, { nodeKey, account: ctx.sender.account });
  },
});
