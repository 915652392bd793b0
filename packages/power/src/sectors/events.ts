import { event } from '@palisade/chain/schema';
import { address, bytes32, u8, u32, u64, u128 } from '@palisade/core';

const sector = { miner: address, number: u64 };
const place = { miner: address, deadline: u8, partition: u32 };

export const sectorPreCommitted = event({
  name: 'sectors.pre-committed',
  doc: 'A sector was announced; a deposit is held until it is proven.',
  fields: { ...sector, deposit: u128, provenBefore: u64 },
});

export const sealChallenged = event({
  name: 'sectors.challenged',
  doc: 'The places that a seal proof must open follow from this randomness.',
  fields: { ...sector, challenge: bytes32 },
});

export const preCommitExpired = event({
  name: 'sectors.pre-commit-expired',
  doc: 'An announced sector was not proven in time; its deposit is burned.',
  fields: { ...sector, burned: u128 },
});

export const sectorProven = event({
  name: 'sectors.proven',
  doc: 'A seal proof was taken; the sector has power from its first window on.',
  fields: { ...sector, proof: bytes32, pledge: u128, deadline: u8, partition: u32 },
});

export const windowProven = event({
  name: 'sectors.window-proven',
  doc: 'A partition was proven for a window; the proof can be fetched from the miner and disputed.',
  fields: { ...place, opens: u64, proof: bytes32, sectors: u32, power: u64 },
});

export const sectorsFaulty = event({
  name: 'sectors.faulty',
  doc: 'Sectors of a partition became faulty: declared, skipped, not proven, or proven falsely.',
  fields: { ...place, sectors: u32, lost: u64 },
});

export const faultFeeTaken = event({
  name: 'sectors.fault-fee',
  doc: 'A sector was faulty for one more period.',
  fields: { ...sector, fee: u128 },
});

export const sectorEnded = event({
  name: 'sectors.ended',
  doc: 'A sector is over; what is left of its pledge comes free when nothing can be disputed any more.',
  fields: { ...sector, reason: u8, fee: u128 },
});

export const proofDisputed = event({
  name: 'sectors.disputed',
  doc: 'A proof was shown to be false or withheld: pledge was taken, a share of it as a reward.',
  fields: { miner: address, proof: bytes32, taken: u128, discoverer: address, reward: u128 },
});

export const sectorEvents = [
  sectorPreCommitted,
  sealChallenged,
  preCommitExpired,
  sectorProven,
  windowProven,
  sectorsFaulty,
  faultFeeTaken,
  sectorEnded,
  proofDisputed,
];
