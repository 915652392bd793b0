/** A partner's node key acts for an account, which is paid and pays its fees. */
import { bindNodeKey, nodeKeyConsent, nodeKeyQuery } from '@palisade/chain/schema';
import { type Domain, digestOf, PalisadeError, type Signer, toHex } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { type Network, untilIncluded } from './network.ts';

export type BindingOptions = {
  readonly network: Network;
  readonly domain: Domain;
  readonly signer: Signer;
  /** The account to bind to, where the node key is bound to none yet. */
  readonly accountSigner: Signer | undefined;
  /** Name for people, on chain. */
  readonly label: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

/**
 * Makes sure that the node key is bound; answers with the account's address (20 bytes).
 * @throws PalisadeError `partner/node-key-revoked`, `partner/node-key-unbound` with what to do, and
 * whatever the chain refuses the binding with
 */
export async function ensureBound(options: BindingOptions): Promise<Uint8Array> {
  const { network, domain, signer, accountSigner, label, log, signal } = options;
  const bound = await network.find(nodeKeyQuery, { nodeKey: signer.id });
  if (bound?.revoked === 1) throw revoked(signer.id);
  if (bound) return bound.account;
  if (!accountSigner) throw unbound(signer.id);
  const account = accountSigner.id;
  const consent = await signer.sign(digestOf(nodeKeyConsent, { account }, domain));
  const fields = { nodeKey: signer.id, label, consent };
  const posted = await network.post(bindNodeKey, fields, accountSigner, { signal });
  await untilIncluded(network, posted, signal);
  log.info('the node key is bound to its account', { nodeKey: signer.id, account });
  return account;
}

function revoked(nodeKey: Uint8Array): PalisadeError {
  return new PalisadeError({
    code: 'partner/node-key-revoked',
    message: `The node key ${toHex(nodeKey)} was revoked by its account: it can never act again.`,
    next: 'Make a new node key and a new data folder: palisade keys create --kind node.',
  });
}

function unbound(nodeKey: Uint8Array): PalisadeError {
  return new PalisadeError({
    code: 'partner/node-key-unbound',
    message: `The node key ${toHex(nodeKey)} is bound to no account, so nobody could be paid for its work.`,
    next: 'Name an account key in node.accountKey for the first start, or send accounts.bind-node-key from the account.',
  });
}
