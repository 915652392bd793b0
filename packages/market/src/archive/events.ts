import { event } from '@palisade/chain/schema';
import { bytes32, list, u8, u32, u64, u128 } from '@palisade/core';
import { MAX_COPIES } from './params.ts';

export const archiveFunded = event({
  name: 'market.archive-funded',
  doc: "A share of the session's fees is set aside to keep payout files.",
  fields: { session: u64, amount: u128 },
});
export const archiveUnfunded = event({
  name: 'market.archive-unfunded',
  doc: 'There is too little to keep a payout file at partners: it stays where it is for now.',
  fields: {
    session: u64.is('Whose payout file it is'),
    needed: u128.is('Base units'),
    available: u128,
  },
});
export const archiveOpened = event({
  name: 'market.archive-opened',
  doc: 'A job is open under which partners keep a payout file.',
  fields: { session: u64, job: bytes32, content: bytes32, copies: u8, sessions: u32, escrow: u128 },
});
export const archiveCalled = event({
  name: 'market.archive-called',
  doc: 'Partners were drawn to keep a payout file: until the next draw they may start on it.',
  fields: { session: u64, job: bytes32, partners: list(bytes32, MAX_COPIES) },
});
export const archiveMoved = event({
  name: 'market.archive-moved',
  doc: 'Enough partners have proven to hold a payout file: validators let go of its rows.',
  fields: { session: u64, job: bytes32 },
});

export const archiveEvents = [
  archiveFunded,
  archiveUnfunded,
  archiveOpened,
  archiveCalled,
  archiveMoved,
];
