/** How a sector ends: by its time, by its miner, by the chain after too long a fault, by a dispute. */
import type { BlockContext } from '@palisade/chain';
import type { MinerPower } from '../claims/update-power.ts';
import { burnFee, returnPledge } from './collateral.ts';
import { sectorEnded } from './events.ts';
import { terminationFee } from './fees.ts';
import { disputeSpan, params } from './params.ts';
import { keyOf, removeMember, writePartition } from './partitions.ts';
import { DUE, due, miners, partitions, type Sector, sectors } from './state.ts';

export const END = { expired: 0, terminated: 1, faulty: 2, disputed: 3 } as const;
type End = (typeof END)[keyof typeof END];

/**
 * Ends a living sector: its power goes now; what is left of its pledge after the fee stays held until
 * none of its proofs can be disputed.
 */
export function endSector(
  ctx: BlockContext,
  power: MinerPower,
  miner: Uint8Array,
  number: bigint,
  reason: End,
): void {
  const { state, height } = ctx;
  const current = params.need(state);
  const sector = sectors.need(state, miner, number);
  removeMember(ctx, power, { miner, ...sector }, number);
  const record = miners.need(state, miner);
  const counts = record.counts.map((count, i) => (i === sector.deadline ? count - 1 : count));
  miners.set(state, [miner], { ...record, counts, live: record.live - 1 });
  const early = reason === END.terminated || reason === END.faulty;
  const owed = early ? terminationFee(current, sector.pledged, height - sector.height) : 0n;
  const fee = burnFee(state, miner, number, owed, 'sectors.termination');
  sectors.set(state, [miner, number], {
    ...sectors.need(state, miner, number),
    ended: height,
  });
  owe(ctx, BigInt(disputeSpan(current)), miner, DUE.settled, number);
  ctx.emit(sectorEnded, { miner, number, reason, fee });
}

/** Puts something off for some blocks. */
export function owe(
  { state, height }: BlockContext,
  blocks: bigint,
  miner: Uint8Array,
  kind: bigint,
  number: bigint,
): void {
  due.set(state, [height + blocks, miner, kind, number], 1);
}

/** Forgets a sector that ended, and lets go of its pledge. */
export function settleSector(
  ctx: BlockContext,
  power: MinerPower,
  miner: Uint8Array,
  number: bigint,
): void {
  const { state } = ctx;
  const sector = sectors.need(state, miner, number);
  sectors.delete(state, miner, number);
  returnPledge(ctx, miner, number, sector.pledge, power.answersUntil(ctx, miner));
  forgetEmptyPartition(ctx, power, miner, sector);
}

function forgetEmptyPartition(
  ctx: BlockContext,
  power: MinerPower,
  miner: Uint8Array,
  { deadline, partition }: Sector,
): void {
  const place = { deadline, miner, partition };
  const found = partitions.get(ctx.state, ...keyOf(place));
  if (found && found.members.length === 0)
    writePartition(ctx, power, place, found, { ...found, proven: [] });
}
