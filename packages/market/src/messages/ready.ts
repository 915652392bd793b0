import { message, text, u8, u64, u128 } from '@palisade/core';
import { utility } from '../job.ts';
import { MAX_URL } from './confirmation.ts';

/**
 * READY (P2V-1): what a partner offers, where it is, and until when this holds. It is signed by the
 * partner itself, so a validator can withhold it or serve an old one, but not forge an endpoint
 * (P2V-4). The one with the highest `sequence` counts; sending it again says "still active".
 */
export const ready = message({
  name: 'market.ready',
  title: 'Ready to provide utility',
  doc: "A partner's offer to the pool, with its endpoint.",
  signer: 'node',
  fields: {
    sequence: u64.is('Grows with every change'),
    expiresMs: u64.is('Not valid after this time, ms since 1970'),
    url: text(MAX_URL).is('Base URL at which clients reach the partner'),
    utility,
    price: u128.is('Base units per started MiB and session'),
    freeBytes: u64.is('What it can still take'),
    accepting: u8.is('1 when it takes new work'),
    reason: text(120).is('Why not, when it does not'),
  },
});

/** Opens a partner's stream of notices at a validator. */
export const subscribe = message({
  name: 'market.subscribe',
  title: 'Subscribe to notices',
  doc: 'A partner asks a validator for the jobs and matches that concern it.',
  signer: 'node',
  fields: { atMs: u64.is('Time of signing; a validator refuses one older than a minute') },
});
