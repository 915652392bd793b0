import { event } from '@palisade/chain/schema';
import { address, bytes32, u8, u16, u32, u64, u128 } from '@palisade/core';
import { fault, role } from './records.ts';

export const faultNoted = event({
  name: 'market.fault-noted',
  doc: 'Something counts against a key; the first fault of a kind in a period is a warning.',
  fields: {
    role,
    key: bytes32.is('Node key, or an account behind 12 zero bytes'),
    fault,
    session: u64,
    warning: u8.is('1 when the score was spared'),
    score: u16.is('After it'),
    failuresInRow: u32,
    contained: u8.is('1 when there is no new work until a challenge is passed'),
  },
});
export const containmentEnded = event({
  name: 'market.containment-ended',
  doc: 'A key that had failed many times in a row passed a challenge.',
  fields: { role, key: bytes32, session: u64 },
});
export const bondPosted = event({
  name: 'market.bond-posted',
  doc: "A partner's account put up a bond; it is held, not spent.",
  fields: { partner: bytes32, account: address, amount: u128, total: u128 },
});
export const bondReturned = event({
  name: 'market.bond-returned',
  doc: "A partner's bond is free again.",
  fields: { partner: bytes32, account: address, amount: u128 },
});

export const standingEvents = [faultNoted, containmentEnded, bondPosted, bondReturned];
