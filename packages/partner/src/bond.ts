/** A new partner's bond speaks for it (spec/standing.md): it is posted as soon as it is wanted. */
import type { Signer } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { mayTakeQuery, postBond } from '@palisade/market/schema';
import { type Network, untilIncluded } from './network.ts';

export type BondOptions = {
  readonly network: Network;
  readonly signer: Signer;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

/** Posts the bond where one is wanted; refused while the account has too little. */
export async function ensureBond({ network, signer, log, signal }: BondOptions): Promise<void> {
  const load = { partner: signer.id, agreements: 1, value: 0n };
  const total = (await network.find(mayTakeQuery, load))?.wantedBond ?? 0n;
  if (total === 0n) return;
  const posted = await network.post(postBond, { total }, signer, { signal });
  const { height } = await untilIncluded(network, posted, signal);
  log.info('the probation bond is posted', { total, height });
}
