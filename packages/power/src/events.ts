import { event } from '@palisade/chain/schema';
import { address, bytes32, u32, u64, u128 } from '@palisade/core';

export const minerCreated = event({
  name: 'power.miner-created',
  doc: 'An account can now have power.',
  fields: { miner: address, deposit: u128 },
});
export const minerDeregistered = event({
  name: 'power.miner-deregistered',
  doc: 'A miner without power has left; its deposit is free.',
  fields: { miner: address, deposit: u128 },
});
export const powerChanged = event({
  name: 'power.changed',
  doc: "A miner's proven power grew or fell; what it lends fell in proportion.",
  fields: { miner: address, before: u64, after: u64, lentBefore: u64, lentAfter: u64 },
});
export const powerDelegated = event({
  name: 'power.delegated',
  doc: 'A miner lent power; the next session will see it.',
  fields: { miner: address, collator: bytes32, generation: u32, amount: u64 },
});
export const powerUndelegated = event({
  name: 'power.undelegated',
  doc: 'A miner took power back; it answers for it until the session named.',
  fields: { miner: address, collator: bytes32, generation: u32, amount: u64, until: u64 },
});

export const claimEvents = [
  minerCreated,
  minerDeregistered,
  powerChanged,
  powerDelegated,
  powerUndelegated,
];
