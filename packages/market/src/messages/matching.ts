import { address, byteList, bytes32, message, u64, u128 } from '@palisade/core';

/** Bytes of a signed message inside another: a request or a READY with its signature. */
export const MAX_INNER = 2048;

/** NOTIFY (P2V-2): a validator tells a subscribed partner of a job that fits it. */
export const notice = message({
  name: 'market.notice',
  title: 'Notice of a job',
  doc: 'A job that fits what the partner offers.',
  signer: 'node',
  fields: {
    job: bytes32,
    height: u64.is('Block whose job file holds it'),
    request: byteList(MAX_INNER).is("The client's signed market.request"),
  },
});

/** OFFER (P2V-3): a partner wants a job, at a rate. */
export const offer = message({
  name: 'market.offer',
  title: 'Offer',
  doc: 'A partner offers to take a job.',
  signer: 'node',
  fields: {
    job: bytes32,
    rate: u128.is('Base units per session for the whole content'),
    validUntilMs: u64.is('The partner keeps room until then, ms since 1970'),
    ready: byteList(MAX_INNER).is("The partner's signed market.ready"),
  },
});

/** The client picks a partner among the offers. */
export const accept = message({
  name: 'market.accept',
  title: 'Accept an offer',
  doc: 'A client takes up a partner on its offer.',
  signer: 'account',
  fields: { job: bytes32, partner: bytes32, rate: u128.is('As offered, base units per session') },
});

/** MATCH (P2V-4): goes to both sides, so that each knows whom to expect and where. */
export const match = message({
  name: 'market.match',
  title: 'Match',
  doc: 'A validator brings client and partner together.',
  signer: 'node',
  fields: {
    job: bytes32,
    client: address,
    partner: bytes32,
    rate: u128.is('Base units per session'),
    ready: byteList(MAX_INNER).is("The partner's signed market.ready, with its endpoint"),
  },
});
