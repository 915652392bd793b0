/** What is remembered of sectors, and under which keys. */
import { bytesKey, collection, u64Key } from '@palisade/chain';
import { bytes32, type Infer, list, record, u8, u16, u32, u64, u128 } from '@palisade/core';
import { MAX_DEADLINES, MAX_PARTITION } from './params.ts';

/** What a miner has. `next` makes every number of a sector usable once, ever. */
export const minerRecord = record('SectorMiner', {
  next: u64.is('Least number that a new sector can have'),
  live: u32.is('Sectors and pre-commits'),
  counts: list(u32, MAX_DEADLINES).is('Sectors of each deadline'),
  slashed: u128.is('Pledge that was taken for others, not yet charged to a sector, base units'),
});
export type Miner = Infer<typeof minerRecord>;

export const miners = collection({
  store: 'sectors',
  name: 'miner',
  key: [bytesKey(20)],
  value: minerRecord,
});

const sealed = {
  replica: bytes32.is('Content id of the sealed bytes'),
  columns: bytes32.is('Root of the columns of labels'),
  data: bytes32.is('Content id of the data'),
  seed: bytes32.is('Randomness that the replica is made from'),
  challenge: bytes32.is('Randomness that the seal proof answers; zero until it is drawn'),
  expires: u64.is('Height at which the sector ends'),
};

export const preCommitRecord = record('PreCommit', {
  ...sealed,
  height: u64,
  deposit: u128.is('Held until it is proven, base units'),
});
export type PreCommit = Infer<typeof preCommitRecord>;

/** Sectors that are announced and not proven yet, by miner and number. */
export const preCommits = collection({
  store: 'sectors',
  name: 'pre-commit',
  key: [bytesKey(20), u64Key],
  value: preCommitRecord,
});

export const sectorRecord = record('Sector', {
  ...sealed,
  proof: bytes32.is('Id of the seal proof'),
  height: u64.is('Of the block that took the proof'),
  pledged: u128.is('Pledge at the beginning, base units'),
  pledge: u128.is('What is left of it'),
  deadline: u8,
  partition: u32,
  ended: u64.is('Height at which it ended; 0 while it lives'),
});
export type Sector = Infer<typeof sectorRecord>;

/** Sectors by miner and number; those that ended stay while their proofs can be disputed. */
export const sectors = collection({
  store: 'sectors',
  name: 'sector',
  key: [bytesKey(20), u64Key],
  value: sectorRecord,
});

/** A sector's power is its size while it is active, and nothing otherwise. */
export const MEMBER = { unproven: 0, active: 1, faulty: 2, recovering: 3 } as const;

export const memberRecord = record('PartitionMember', {
  number: u64,
  state: u8.is('0 not yet proven in a window, 1 active, 2 faulty, 3 to be proven again'),
  faults: u16.is('Windows in a row that closed while it was faulty'),
});
export type Member = Infer<typeof memberRecord>;

export const partitionRecord = record('Partition', {
  members: list(memberRecord, MAX_PARTITION).is('By number'),
  opens: u64.is('Opening height of the window that it was proven in last'),
  proof: bytes32.is('Id of that proof; zero when it was found false'),
  proven: list(u64, MAX_PARTITION).is('Numbers of the sectors that it is for'),
});
export type Partition = Infer<typeof partitionRecord>;

/** By deadline, miner and number: what a window closes stands together, in the order of miners. */
export const partitions = collection({
  store: 'sectors',
  name: 'partition',
  key: [u64Key, bytesKey(20), u64Key],
  value: partitionRecord,
});

/** The challenge of each deadline's window that was drawn last. */
export const challenges = collection({
  store: 'sectors',
  name: 'challenge',
  key: [u64Key],
  value: record('WindowChallenge', { opens: u64, seed: bytes32 }),
});

/** What a height owes a sector. In a block they run by miner, kind and number. */
export const DUE = { challenge: 0n, unproven: 1n, expiry: 2n, settled: 3n } as const;

/** By height, miner, kind and number of the sector. */
export const due = collection({
  store: 'sectors',
  name: 'due',
  key: [u64Key, bytesKey(20), u64Key, u64Key],
  value: u8,
});

/** Pledges of ended sectors that still answer for lent power: by session, miner and number. */
export const laterPledges = collection({
  store: 'sectors',
  name: 'later-pledge',
  key: [u64Key, bytesKey(20), u64Key],
  value: u128,
});
