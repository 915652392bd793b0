/** Laws of sectors, checked by property tests after every block and by `palisade audit`. */
import { heldFor, type Invariant } from '@palisade/chain';
import { type KeyValueReader, toHex } from '@palisade/core';
import type { MinerPower } from '../claims/update-power.ts';
import { DEPOSIT, PLEDGE } from './collateral.ts';
import { params } from './params.ts';
import { laterPledges, MEMBER, miners, partitions, preCommits, sectors } from './state.ts';

/** Sums by miner. */
class Sums {
  readonly of = new Map<string, bigint>();
  add(miner: Uint8Array, amount: bigint): void {
    const key = toHex(miner);
    this.of.set(key, (this.of.get(key) ?? 0n) + amount);
  }
  get(miner: Uint8Array): bigint {
    return this.of.get(toHex(miner)) ?? 0n;
  }
}

const collateralAddsUp: Invariant = {
  name: 'sectors: what is held of a miner is its deposits and pledges, less what was slashed for others',
  check(state) {
    const deposits = new Sums();
    const owned = new Sums();
    for (const [[miner], { deposit }] of preCommits.list(state)) deposits.add(miner, deposit);
    for (const [[miner], { pledge }] of sectors.list(state)) owned.add(miner, pledge);
    for (const [[, miner], pledge] of laterPledges.list(state)) owned.add(miner, pledge);
    for (const [[miner], { slashed }] of miners.list(state)) {
      if (heldFor(state, miner, DEPOSIT) !== deposits.get(miner))
        return `${toHex(miner)}: ${heldFor(state, miner, DEPOSIT)} are held for deposits of ${deposits.get(miner)}`;
      if (heldFor(state, miner, PLEDGE) !== owned.get(miner) - slashed)
        return `${toHex(miner)}: ${heldFor(state, miner, PLEDGE)} are held for pledges of ${owned.get(miner)} less ${slashed}`;
    }
    return undefined;
  },
};

/** Every living sector is a member of its partition, and nobody else is. */
const membersAreSectors: Invariant = {
  name: 'sectors: every living sector is once in its partition, and counted',
  check(state) {
    const living = new Map<string, bigint>();
    for (const [[miner, number], { ended, deadline, partition }] of sectors.list(state))
      if (ended === 0n) living.set(`${toHex(miner)}/${deadline}/${partition}/${number}`, 1n);
    let members = 0;
    for (const [[deadline, miner, partition], record] of partitions.list(state))
      for (const { number } of record.members) {
        members++;
        if (!living.has(`${toHex(miner)}/${deadline}/${partition}/${number}`))
          return `${toHex(miner)} has no sector ${number} in partition ${partition} of ${deadline}`;
      }
    if (members !== living.size) return `${living.size} sectors live, ${members} have a partition`;
    return liveCounts(state);
  },
};

function liveCounts(state: KeyValueReader): string | undefined {
  const live = new Sums();
  for (const [[miner]] of preCommits.list(state)) live.add(miner, 1n);
  for (const [[miner], { ended }] of sectors.list(state)) if (ended === 0n) live.add(miner, 1n);
  for (const [[miner], record] of miners.list(state)) {
    const inDeadlines = record.counts.reduce((sum, count) => sum + count, 0);
    if (live.get(miner) !== BigInt(record.live) || inDeadlines > record.live)
      return `${toHex(miner)} has ${live.get(miner)} sectors and pre-commits, not ${record.live}`;
  }
  return undefined;
}

function powerIsProven(power: MinerPower): Invariant {
  return {
    name: "sectors: a miner's power is the size of its active sectors",
    check(state) {
      const active = new Sums();
      const { sectorBytes } = params.need(state);
      for (const [[, miner], { members }] of partitions.list(state))
        for (const member of members)
          if (member.state === MEMBER.active) active.add(miner, BigInt(sectorBytes));
      for (const [[miner]] of miners.list(state))
        if (power.rawOf(state, miner) !== active.get(miner))
          return `${toHex(miner)} has ${power.rawOf(state, miner)} bytes of power for ${active.get(miner)} proven`;
      return undefined;
    },
  };
}

export const sectorsInvariants = (power: MinerPower): readonly Invariant[] => [
  collateralAddsUp,
  membersAreSectors,
  powerIsProven(power),
];
