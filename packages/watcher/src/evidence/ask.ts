/** Questions that evidence leaves to the root chain, and to the child chain that it accuses. */
import { toHex } from '@palisade/core';
import { placeOf } from '@palisade/payments';
import type { ProvenTx } from './bundle.ts';

export function askRoot(blknum: number, root: Uint8Array): string {
  return `blocks(${blknum}) of the framework: its root must be ${toHex(root)}.`;
}

export function askRootOf({ position, root }: ProvenTx): string {
  return askRoot(placeOf(position).blknum, root);
}

/** What is not under a root can only be had from whoever hands out the block. */
export function askBlock(root: Uint8Array): string {
  return `block.get of the child chain, for the hash ${toHex(root)}:`;
}
