/**
 * The archive's money: a share of each session's fees, and what its jobs did not need. Nothing is
 * minted for it: without money, files stay with the validators.
 */
import {
  type BlockContext,
  balanceOf,
  FEE_POT,
  moduleAccount,
  PPM,
  transfer,
} from '@palisade/chain';
import type { KeyValueReader } from '@palisade/core';
import { archiveFunded } from './events.ts';
import { archiveParamsOf } from './records.ts';

/** The client of the archive's jobs: an account that no key has. */
export const ARCHIVE = moduleAccount('market.archive');

export function archiveFunds(state: KeyValueReader): bigint {
  return balanceOf(state, ARCHIVE).free;
}

/** Sets the archive's share of the fees aside, before they are shared out. */
export function gatherFees(ctx: BlockContext): void {
  const { state, session } = ctx;
  const { sharePpm, reserve } = archiveParamsOf(state);
  const share = (balanceOf(state, FEE_POT).free * BigInt(sharePpm)) / PPM;
  const room = reserve - archiveFunds(state);
  const amount = share < room ? share : room;
  if (amount <= 0n) return;
  transfer(state, FEE_POT, ARCHIVE, amount);
  ctx.emit(archiveFunded, { session: session.number, amount });
}
