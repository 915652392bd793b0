import { event } from '@palisade/chain/schema';
import { bytes32, text, u64, u128 } from '@palisade/core';

const who = { job: bytes32, validator: bytes32, partner: bytes32 };

export const complaintFiled = event({
  name: 'market.complaint-filed',
  doc: 'A partner says that a validator which answers for it kept a job from it; the validator can rebut it.',
  fields: { ...who, deposit: u128, closes: u64.is('Session with whose end it is decided') },
});
export const complaintDismissed = event({
  name: 'market.complaint-dismissed',
  doc: "A complaint was rebutted by the partner's own word: its deposit goes to the session's fees.",
  fields: {
    ...who,
    reason: text(24).is('was-told, took-no-work or signed-off'),
    deposit: u128,
  },
});
export const complaintUpheld = event({
  name: 'market.complaint-upheld',
  doc: 'Nobody rebutted a complaint in its time: the deposit is free, and it counts against the validator.',
  fields: { ...who, deposit: u128 },
});
export const omissionProven = event({
  name: 'market.omission-proven',
  doc: 'A validator acknowledged a transaction that is in no block though it could be; it counts against it.',
  fields: {
    validator: bytes32,
    transaction: bytes32,
    acknowledgedHeight: u64.is('Of the chain when it was acknowledged'),
  },
});

export const dutyEvents = [complaintFiled, complaintDismissed, complaintUpheld, omissionProven];
