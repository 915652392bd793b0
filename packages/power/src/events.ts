import { event } from '@palisade/chain/schema';
import { address, bytes32, list, u8, u32, u64, u128 } from '@palisade/core';

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

export const collatorRegistered = event({
  name: 'power.collator-registered',
  doc: 'A candidate for the seats that are drawn.',
  fields: {
    collator: bytes32,
    account: address,
    rootKey: address,
    generation: u32,
    bond: u128,
  },
});
export const bondAdded = event({
  name: 'power.bond-added',
  doc: "A collator's bond grew.",
  fields: { collator: bytes32, amount: u128, bond: u128 },
});
export const collatorRemoved = event({
  name: 'power.collator-removed',
  doc: 'A candidate left, was kicked or committed an offence; what it was lent is free.',
  fields: {
    collator: bytes32,
    account: address,
    removal: u8.is('0 left, 1 kicked, 2 offence'),
    released: u64.is('Power that it was lent, bytes'),
    bond: u128.is('Unbonding from now on, base units'),
  },
});
export const bondFreed = event({
  name: 'power.bond-freed',
  doc: "A former collator's bond is free.",
  fields: { collator: bytes32, account: address, amount: u128 },
});

export const collatorEvents = [collatorRegistered, bondAdded, collatorRemoved, bondFreed];

export const seatsDrawn = event({
  name: 'power.seats-drawn',
  doc: 'The seed was known and the seats of the next session were drawn.',
  fields: {
    session: u64.is('Whose snapshot and seed it was; the seats are those of the next'),
    candidates: u32,
    seats: u8.is('So many of the winners have a seat, the others are reserves'),
    winners: list(bytes32, 30),
  },
});
export const validatorShortage = event({
  name: 'power.validator-shortage',
  doc: 'Fewer were drawn than there are seats; others fill them, or nobody.',
  fields: {
    session: u64,
    wanted: u8,
    drawn: u8,
    stayed: u8.is('Drawn validators of the session before that stay one more'),
    owned: u8.is('Known validators in seats that are not theirs'),
  },
});
export const seatsTaken = event({
  name: 'power.seats-taken',
  doc: 'The seats of a session.',
  fields: { session: u64, known: u8, drawn: u8, lowTrust: u8 },
});
export const reserveCalled = event({
  name: 'power.reserve-called',
  doc: 'A reserve took over an empty seat within the session.',
  fields: { session: u64, from: bytes32, to: bytes32 },
});

export const seatEvents = [seatsDrawn, validatorShortage, seatsTaken, reserveCalled];

export const slashDeferred = event({
  name: 'power.slash-deferred',
  doc: 'A collator was proven wrong: it is removed now, and slashed when the deferral is over.',
  fields: {
    collator: bytes32,
    session: u64.is('Of the offence'),
    fractionPpm: u32,
    due: u64.is('Session at whose end it is carried out'),
  },
});
export const slashCancelled = event({
  name: 'power.slash-cancelled',
  doc: 'The chain owner took a slash back.',
  fields: { collator: bytes32, session: u64 },
});
export const collatorSlashed = event({
  name: 'power.collator-slashed',
  doc: "A share of a collator's bond was burned.",
  fields: { collator: bytes32, session: u64, fractionPpm: u32, amount: u128 },
});
export const backerSlashed = event({
  name: 'power.backer-slashed',
  doc: "A share of a backer's collateral was burned.",
  fields: { miner: address, collator: bytes32, amount: u128 },
});
export const backingQuarantined = event({
  name: 'power.quarantined',
  doc: 'Power that an offender had been lent stays proven and is usable by nobody for a time.',
  fields: { miner: address, collator: bytes32, amount: u64, until: u64 },
});

export const backingEvents = [
  slashDeferred,
  slashCancelled,
  collatorSlashed,
  backerSlashed,
  backingQuarantined,
];
