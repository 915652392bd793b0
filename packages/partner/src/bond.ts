/** A new partner's bond speaks for it (spec/standing.md): it is posted as soon as it is wanted. */
import { accountQuery, NATIVE } from '@palisade/chain/schema';
import { PalisadeError, type Signer, toHex } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { mayTakeQuery, postBond } from '@palisade/market/schema';
import { type Network, untilIncluded } from './network.ts';

export type BondOptions = {
  readonly network: Network;
  readonly signer: Signer;
  /** The account that the node key acts for, 20 bytes. */
  readonly account: Uint8Array;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

/**
 * Posts the bond where one is wanted.
 * @throws PalisadeError `partner/no-money-for-bond`, to be tried again later: a refused command would
 * cost its fee each time
 */
export async function ensureBond(options: BondOptions): Promise<void> {
  const { network, signer, account, log, signal } = options;
  const load = { partner: signer.id, agreements: 1, value: 0n };
  const total = (await network.find(mayTakeQuery, load))?.wantedBond ?? 0n;
  if (total === 0n) return;
  const { balances = [] } = (await network.find(accountQuery, { address: account })) ?? {};
  const free = balances.find(({ denom }) => denom === NATIVE.denom)?.free ?? 0n;
  if (free <= total) throw noMoney(account, total, free);
  const posted = await network.post(postBond, { total }, signer, { signal });
  const { height } = await untilIncluded(network, posted, signal);
  log.info('the probation bond is posted', { total, height });
}

function noMoney(account: Uint8Array, total: bigint, free: bigint): PalisadeError {
  return new PalisadeError({
    code: 'partner/no-money-for-bond',
    message: `A new partner posts a bond of ${total} base units and pays the fee for it; ${toHex(account)} has ${free} free.`,
    retry: 'later',
    next: 'Send the account what is missing: the bond follows by itself, and new work with it.',
  });
}
