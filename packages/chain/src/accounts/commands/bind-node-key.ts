import {
  address,
  bytes32,
  command,
  isSignedBy,
  message,
  refuse,
  signature64,
  text,
  toHex,
} from '@palisade/core';
import { handle } from '../../module/module.ts';
import { nodeKeyBound } from '../events.ts';
import { nodeKeys } from '../state.ts';

/** The machine's own word that it wants to act for an account: without it anyone could claim a key. */
export const nodeKeyConsent = message({
  name: 'accounts.node-key-consent',
  title: 'Consent to be bound',
  doc: 'A node key agrees to act for an account.',
  signer: 'node',
  fields: { account: address.is('Account that the node will act for') },
});

export const bindNodeKey = command({
  name: 'accounts.bind-node-key',
  title: 'Bind a node key',
  doc: 'Lets a machine key act, and spend fees, for the signing account.',
  signer: 'account',
  fields: {
    nodeKey: bytes32.is('ed25519 public key of the machine'),
    label: text(32).is('Name for people'),
    consent: signature64.is("The machine's signature over accounts.node-key-consent"),
  },
});

/** `consentDigest` is the digest of the consent for an account, under the chain's domain. */
export function bindNodeKeyHandler(consentDigest: (account: Uint8Array) => Uint8Array) {
  return handle(bindNodeKey, {
    verify({ state, sender }, { nodeKey, consent }) {
      if (nodeKeys.has(state, nodeKey))
        return refuse(
          'accounts/node-key-known',
          `${toHex(nodeKey)} is bound already, or was revoked.`,
          {
            next: 'Make a new node key.',
          },
        );
      if (!isSignedBy(consentDigest(sender.account), consent, nodeKey))
        return refuse(
          'accounts/no-consent',
          'The node key has not signed its consent to this account.',
        );
      return undefined;
    },
    apply(ctx, { nodeKey, label }) {
      nodeKeys.set(ctx.state, [nodeKey], {
        account: ctx.sender.account,
        nonce: 0n,
        revoked: 0,
        label,
        sinceHeight: ctx.height,
      });
      ctx.emit(nodeKeyBound, { nodeKey, account: ctx.sender.account, label });
    },
  });
}
