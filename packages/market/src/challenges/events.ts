import { event } from '@palisade/chain/schema';
import { bytes32, u64 } from '@palisade/core';
import { finding } from './records.ts';

const who = { session: u64, partner: bytes32, validator: bytes32.is('Who says so'), finding };

export const challengeDoubted = event({
  name: 'market.challenge-doubted',
  doc: 'One of two validators says that a partner failed its challenge: nothing follows unless the other does, too.',
  fields: who,
});
export const challengeFailed = event({
  name: 'market.challenge-failed',
  doc: 'Both validators say that a partner failed its challenge: it counts against the partner.',
  fields: who,
});
export const challengePassed = event({
  name: 'market.challenge-passed',
  doc: "A contained partner's own answer shows that it passed its challenge.",
  fields: who,
});

export const challengeEvents = [challengeDoubted, challengeFailed, challengePassed];
