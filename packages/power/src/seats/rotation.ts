/**
 * The change of seats at the end of a session. Known validators take theirs; the winners of the draw
 * that was made in the session take the others, in the order of the race, as far as they are still
 * fit. Too few of them: drawn validators of the session that ends stay one more, then known ones
 * without a seat fill in (market chapter, Decisions). Nobody at all: nothing changes.
 */
import {
  activeValidators,
  type BlockContext,
  changeSeats,
  nodeKeys,
  SEAT,
  type SeatHolder,
  type State,
  standBy,
  standDown,
  validators,
} from '@palisade/chain';
import { toBinaryString } from '@palisade/core';
import { lentSum } from '../claims/lent.ts';
import { type Collator, candidate, collators } from '../collators/collator.ts';
import { REMOVAL, removeCollator } from '../collators/remove-collator.ts';
import { draws } from '../draw/draws.ts';
import { seatsTaken, validatorShortage } from '../events.ts';
import { params } from '../params.ts';
import { cappedVotes, EQUAL_VOTES, isLowTrust, knownSeats, knownValidators } from './plan.ts';
import { type Seating, seatings, seatOf } from './seating.ts';

/** A validator that is about to take a seat. */
type Seat = Omit<SeatHolder, 'weight'> & Pick<Seating, 'generation' | 'snapshot'>;

export function rotate(ctx: BlockContext): void {
  const { state, session } = ctx;
  const next = session.number + 1n;
  const { seats: wanted, honestOwner } = params.need(state);
  const owners = knownSeatsOf(state);
  const known = owners.slice(0, knownSeats(wanted));
  const chosen = new Chosen(known);
  const open = () => wanted - chosen.seats.length;
  const drawn = chosen.add(winnersOf(state, session.number), open());
  const stayed = chosen.add(stayers(ctx), open());
  const owned = chosen.add(owners, open());
  const seats = chosen.seats;
  if (seats.length < wanted || stayed + owned > 0)
    ctx.emit(validatorShortage, {
      ...{ session: next, wanted: wanted - known.length },
      ...{ drawn, stayed, owned },
    });
  if (seats.length === 0) return;
  const ownSeats = known.length + owned;
  const otherSeats = seats.length - ownSeats;
  // Where owners fill in, a cap would hand the chain to the few others: it is said instead.
  const capped = honestOwner === 0 && owned === 0 && otherSeats > 0;
  const votes = capped ? cappedVotes(ownSeats, otherSeats) : EQUAL_VOTES;
  const lowTrust = isLowTrust(ownSeats, otherSeats, votes) ? 1 : 0;
  const weighted = seats.map((seat) => ({
    ...seat,
    weight: seat.known === 1 ? votes.known : votes.drawn,
  }));
  changeSeats(
    ctx,
    weighted.map(({ generation, snapshot, ...holder }) => holder),
  );
  chooseStandBys(ctx);
  seatings.set(state, [next], {
    seatings: weighted.map(({ account, name, ...seat }) => ({
      ...seat,
      sinceHeight: ctx.height,
      untilHeight: 0n,
    })),
    lowTrust,
  });
  ctx.emit(seatsTaken, { session: next, known: ownSeats, drawn: otherSeats, lowTrust });
}

/**
 * Collators that stand by, as many as reserves are drawn: the reserves of the draw, then those that
 * stood by before. The others go: a table of all that ever stood by would grow for ever.
 */
function chooseStandBys(ctx: BlockContext): void {
  const { state, session } = ctx;
  const table = [...validators.list(state)].map(([[nodeKey], { seat }]) => ({ nodeKey, seat }));
  const before = table.filter(
    ({ nodeKey, seat }) => seat === SEAT.passive && collators.has(state, nodeKey),
  );
  const stayed = before.flatMap(({ nodeKey }) => {
    const collator = candidate(state, nodeKey);
    return collator ? [drawnSeat(nodeKey, collator, 0n)] : [];
  });
  const reserves = winnersOf(state, session.number).filter(
    ({ nodeKey }) => validators.get(state, nodeKey)?.seat !== SEAT.active,
  );
  const chosen = new Chosen([]);
  chosen.add([...reserves, ...stayed], params.need(state).reserve);
  for (const { nodeKey } of before) standDown(ctx, nodeKey);
  for (const { nodeKey, account, name, known } of chosen.seats)
    standBy(ctx, { nodeKey, account, name, known });
}

/** A winner whose account has revoked its node key can sign nothing, and is no candidate. */
export function removeRevoked(ctx: BlockContext): void {
  const { state, session } = ctx;
  for (const nodeKey of draws.get(state, session.number)?.winners ?? [])
    if (candidate(state, nodeKey) && nodeKeys.get(state, nodeKey)?.revoked !== 0)
      removeCollator(ctx, nodeKey, REMOVAL.kicked);
}

/** Seats as they are given away: nobody gets two. */
class Chosen {
  readonly seats: Seat[];
  private readonly keys: Set<string>;

  constructor(first: readonly Seat[]) {
    this.seats = [...first];
    this.keys = new Set(first.map(({ nodeKey }) => toBinaryString(nodeKey)));
  }

  /** Adds at most `count`; answers how many it were. */
  add(seats: readonly Seat[], count: number): number {
    let added = 0;
    for (const seat of seats) {
      if (added >= count) break;
      const key = toBinaryString(seat.nodeKey);
      if (this.keys.has(key)) continue;
      this.keys.add(key);
      this.seats.push(seat);
      added++;
    }
    return added;
  }
}

function knownSeatsOf(state: State): Seat[] {
  return knownValidators(state).map(({ nodeKey, validator: { account, name } }) => ({
    nodeKey,
    account,
    name,
    known: 1,
    generation: 0,
    snapshot: 0n,
  }));
}

/** Winners of a session's draw that are still fit to serve, seats and reserves, in the order of the race. */
export function winnersOf(state: State, session: bigint): Seat[] {
  const draw = draws.get(state, session);
  if (!draw) return [];
  return draw.winners.flatMap((nodeKey): Seat[] => {
    const collator = candidate(state, nodeKey);
    // Whoever left and came back is another registration: its power is not what was drawn.
    if (!collator || collator.since >= session) return [];
    const power = lentSum(state, collator.generation);
    if (power < draw.leastPower || !isFit(collator, session + 1n)) return [];
    return [drawnSeat(nodeKey, collator, session)];
  });
}

function isFit({ barredUntil }: Collator, session: bigint): boolean {
  return barredUntil <= session;
}

function drawnSeat(nodeKey: Uint8Array, collator: Collator, snapshot: bigint): Seat {
  const { account, name, generation } = collator;
  return { nodeKey, account, name, generation, snapshot, known: 0 };
}

/** Drawn validators of the session that ends, in good standing. */
function stayers({ state, session }: BlockContext): Seat[] {
  return activeValidators(state).flatMap(({ nodeKey, validator }): Seat[] => {
    const { account, name, known } = validator;
    if (known === 1) return [];
    const collator = collators.get(state, nodeKey);
    // One that genesis seated among the drawn ones has no candidacy that could have ended.
    if (!collator) return [{ nodeKey, account, name, known, generation: 0, snapshot: 0n }];
    if (collator.registered === 0 || !isFit(collator, session.number + 1n)) return [];
    return [drawnSeat(nodeKey, collator, seatOf(state, session.number, nodeKey)?.snapshot ?? 0n)];
  });
}
