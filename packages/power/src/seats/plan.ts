/**
 * How many seats are for known validators, how many for those that are drawn, and what their votes
 * weigh (market chapter, V2V-0 and 4.6).
 */
import { SEAT, type Validator, validators } from '@palisade/chain';
import type { KeyValueReader } from '@palisade/core';
import { params } from '../params.ts';

/** Known validators hold at most 44 of 100 seats. */
const KNOWN_SHARE = 44;
const WHOLE = 100;

/** Seats for known validators among `seats`, at most. */
export function knownSeats(seats: number): number {
  return Math.floor((KNOWN_SHARE * seats) / WHOLE);
}

/** Votes of one known and of one drawn validator. */
export type Votes = { readonly known: bigint; readonly drawn: bigint };

/** One vote each. */
export const EQUAL_VOTES: Votes = { known: 1n, drawn: 1n };

/** Votes are small numbers, so that people can check them: six for a drawn validator at most. */
const MOST_VOTES = 6n;

/**
 * The largest ratio of votes, known to drawn and not above one, at which all known validators
 * together hold less than a third: known * a < (known * a + drawn * b) / 3.
 */
export function cappedVotes(known: number, drawn: number): Votes {
  let best: Votes = { known: 0n, drawn: 1n };
  for (let b = 1n; b <= MOST_VOTES; b++)
    for (let a = 1n; a <= b; a++) {
      const isBelowThird = 2n * BigInt(known) * a < BigInt(drawn) * b;
      if (isBelowThird && a * best.drawn > best.known * b) best = { known: a, drawn: b };
    }
  return best.known === 0n ? EQUAL_VOTES : best;
}

/** Whether the owner's validators hold a third of the votes or more: nobody should trust them then. */
export function isLowTrust(known: number, drawn: number, votes: Votes): boolean {
  return 2n * BigInt(known) * votes.known >= BigInt(drawn) * votes.drawn;
}

type Seated = { readonly nodeKey: Uint8Array; readonly validator: Validator };

/** Validators appointed by the chain's owner that did nothing wrong, by node key. */
export function knownValidators(state: KeyValueReader): Seated[] {
  return [...validators.list(state)]
    .filter(([, { known, seat }]) => known === 1 && seat !== SEAT.excluded)
    .map(([[nodeKey], validator]) => ({ nodeKey, validator }));
}

/** Seats that are left for the draw when known validators have taken theirs. */
export function seatsToDraw(state: KeyValueReader): number {
  const { seats } = params.need(state);
  return seats - Math.min(knownSeats(seats), knownValidators(state).length);
}
