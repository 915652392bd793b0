import { bytes32, message, text, u8, u32, u64, u128 } from '@palisade/core';
import { utility } from '../job.ts';
import { MAX_URL } from './confirmation.ts';

/** Bytes of a partner's reason for taking nothing. */
export const MAX_REASON = 120;

/**
 * READY (P2V-1): what a partner offers, where it is, and until when this holds. It is signed by the
 * partner itself, so a validator can withhold it or serve an old one, but not forge an endpoint
 * (P2V-4). The one with the highest `sequence` counts; sending it again says "still active". What it
 * names is also the filter of its notices, and its capacity (P2V-2, P2V-6): one signed word that
 * a complaint can be judged by.
 */
export const ready = message({
  name: 'market.ready',
  title: 'Ready to provide utility',
  doc: "A partner's offer to the pool, with its endpoint.",
  signer: 'node',
  fields: {
    sequence: u64.is('Grows with every change'),
    atMs: u64.is('Time of signing, ms since 1970; a validator takes none from the future'),
    expiresMs: u64.is('Not valid after this time, ms since 1970'),
    url: text(MAX_URL).is('Base URL at which clients reach the partner'),
    utility,
    price: u128.is(
      'Base units per started MiB and session, or per started 2^20 instructions of computation: jobs that pay less are not for it',
    ),
    maxSize: u64.is('Largest content that it takes, bytes'),
    maxSessions: u32.is('Longest term that it takes'),
    freeBytes: u64.is('What it can still take'),
    freeSlots: u32.is('Jobs that it can still take'),
    direct: u8.is('1 for a centralised partner: taken at its price, without an offer for each job'),
    accepting: u8.is('1 when it takes new work, 0 when it is at capacity'),
    reason: text(MAX_REASON).is('Why not, when it does not'),
  },
});

/** READY_ACK: a validator's word that it heard a READY. Evidence, should it then tell of no job. */
export const readyAck = message({
  name: 'market.ready-ack',
  title: 'READY heard',
  doc: 'A validator has put a partner on its board.',
  signer: 'node',
  fields: {
    ready: bytes32.is('Id of the READY'),
    partner: bytes32,
    sequence: u64.is('Of the READY'),
    session: u64.is('Running when it was heard'),
    height: u64.is('Of the chain when it was heard'),
  },
});

/** SIGN_OFF (P2V-7): no more jobs, until a READY with a higher sequence. Agreements go on. */
export const signOff = message({
  name: 'market.sign-off',
  title: 'Sign off',
  doc: 'A partner goes away and takes no more jobs; what runs goes on.',
  signer: 'node',
  fields: {
    sequence: u64.is('Above those of its READYs, none of which counts any more'),
    atMs: u64.is('Time of signing, ms since 1970; a validator takes none from the future'),
    reason: text(MAX_REASON),
  },
});

/** Opens a partner's stream of notices at a validator. Its READY says which jobs it wants. */
export const subscribe = message({
  name: 'market.subscribe',
  title: 'Subscribe to notices',
  doc: 'A partner asks a validator for the jobs and matches that concern it.',
  signer: 'node',
  fields: { atMs: u64.is('Time of signing; a validator refuses one older than a minute') },
});
