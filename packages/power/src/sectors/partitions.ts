/**
 * Partitions: the one place where a sector's state changes, and therefore the one from which power
 * moves. A miner's power is its sector size times its active members, at all times (a3).
 */
import type { BlockContext } from '@palisade/chain';
import type { MinerPower } from '../claims/update-power.ts';
import { sectorsFaulty } from './events.ts';
import { params } from './params.ts';
import { MEMBER, type Member, type Partition, partitions } from './state.ts';

/** Where a partition stands. */
export type Place = {
  readonly deadline: number;
  readonly miner: Uint8Array;
  readonly partition: number;
};

export type PlaceKey = [bigint, Uint8Array, bigint];
export function keyOf({ deadline, miner, partition }: Place): PlaceKey {
  return [BigInt(deadline), miner, BigInt(partition)];
}

const EMPTY: Partition = { members: [], opens: 0n, proof: new Uint8Array(32), proven: [] };

function activeOf(members: readonly Member[]): number {
  return members.reduce((count, { state }) => count + (state === MEMBER.active ? 1 : 0), 0);
}

/** Writes a partition, and moves power by what changed of its active members. Returns the change. */
export function writePartition(
  ctx: BlockContext,
  power: MinerPower,
  place: Place,
  before: Partition | undefined,
  after: Partition,
): bigint {
  const { sectorBytes } = params.need(ctx.state);
  const change = activeOf(after.members) - activeOf(before?.members ?? []);
  const delta = BigInt(change) * BigInt(sectorBytes);
  // Kept while the proof can be disputed: `proven` names sectors that may have ended since.
  if (after.members.length === 0 && after.proven.length === 0)
    partitions.delete(ctx.state, ...keyOf(place));
  else partitions.set(ctx.state, keyOf(place), after);
  if (delta !== 0n) power.update(ctx, place.miner, delta);
  return delta;
}

/** Adds a sector that no window has proven yet to the first partition with room; returns its number. */
export function addMember(
  ctx: BlockContext,
  power: MinerPower,
  miner: Uint8Array,
  deadline: number,
  number: bigint,
): number {
  const { partitionSectors } = params.need(ctx.state);
  let partition = 0;
  for (const [[, , index], { members }] of partitions.list(ctx.state, BigInt(deadline), miner)) {
    if (Number(index) > partition || members.length < partitionSectors) break;
    partition = Number(index) + 1;
  }
  const place = { deadline, miner, partition };
  const before = partitions.get(ctx.state, ...keyOf(place)) ?? EMPTY;
  const member = { number, state: MEMBER.unproven, faults: 0 };
  const members = [...before.members, member].sort((a, b) => (a.number < b.number ? -1 : 1));
  writePartition(ctx, power, place, before, { ...before, members });
  return partition;
}

/** Takes a sector out of its partition. */
export function removeMember(
  ctx: BlockContext,
  power: MinerPower,
  place: Place,
  number: bigint,
): void {
  const before = partitions.need(ctx.state, ...keyOf(place));
  const members = before.members.filter((member) => member.number !== number);
  writePartition(ctx, power, place, before, { ...before, members });
}

/** Changes members by a rule; one event says what became faulty. */
export function changeMembers(
  ctx: BlockContext,
  power: MinerPower,
  place: Place,
  before: Partition,
  changed: Partial<Omit<Partition, 'members'>>,
  rule: (member: Member) => Member,
): bigint {
  const members = before.members.map(rule);
  const delta = writePartition(ctx, power, place, before, { ...before, ...changed, members });
  const fallen = members.filter(
    ({ state }, i) => state === MEMBER.faulty && before.members[i]!.state !== MEMBER.faulty,
  ).length;
  if (fallen > 0) {
    const lost = delta < 0n ? -delta : 0n;
    ctx.emit(sectorsFaulty, { ...place, sectors: fallen, lost });
  }
  return delta;
}

/** Whether a window asks for a member: all but those that are known to be faulty. */
export function isAsked({ state }: Member): boolean {
  return state !== MEMBER.faulty;
}
