/** Letting go of the rows of files that partners keep now, a bounded number in each block. */
import type { BlockContext } from '@palisade/chain';
import { payoutRows } from '../payout.ts';
import { rowsToDrop } from './records.ts';

/** Rows deleted in a block: some 10 ms of work, and the file of a busy session is gone within a few. */
export const ROWS_PER_BLOCK = 1000;

export function dropRows({ state }: BlockContext): void {
  for (const [[session]] of rowsToDrop.list(state)) {
    const found: (readonly [Uint8Array, Uint8Array])[] = [];
    for (const [[, job, partner]] of payoutRows.list(state, session))
      if (found.push([job, partner]) === ROWS_PER_BLOCK) break;
    for (const [job, partner] of found) payoutRows.delete(state, session, job, partner);
    if (found.length < ROWS_PER_BLOCK) rowsToDrop.delete(state, session);
    return; // the next file has its turn in the next block
  }
}
