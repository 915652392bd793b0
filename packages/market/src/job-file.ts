/** The job file of a block: its root goes to the proven store, so that any copy can be checked. */
import { type BlockContext, bytesKey, collection, u64Key } from '@palisade/chain';
import { u8 } from '@palisade/core';
import { merkleRoot } from '@palisade/formats';
import { fileTimes } from './duties/records.ts';
import { jobFiles } from './payout.ts';

/** Jobs of the block being executed, by id. */
const filed = collection({
  store: 'market',
  name: 'filed',
  key: [u64Key, bytesKey(32)],
  value: u8,
});

export function noteInJobFile(ctx: BlockContext, job: Uint8Array): void {
  filed.set(ctx.state, [ctx.height, job], 0);
}

/** At the end of a block: writes the root over its jobs' ids, ascending. */
export function closeJobFile(ctx: BlockContext): void {
  const ids = [...filed.list(ctx.state, ctx.height)].map(([[, job]]) => job);
  if (ids.length === 0) return;
  for (const id of ids) filed.delete(ctx.state, ctx.height, id);
  jobFiles.set(ctx.state, [ctx.height], { root: merkleRoot(ids), jobs: ids.length });
  fileTimes.set(ctx.state, [ctx.height], ctx.timeMs);
}
