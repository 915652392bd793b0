/**
 * Seats that fall empty within a session: their holder equivocated, or was silent for long. The
 * first reserve of the draw that gave the seats takes over (market chapter, Decisions).
 */
import {
  activeValidators,
  attendance,
  type BlockContext,
  dropSeat,
  fillSeat,
} from '@palisade/chain';
import { equalBytes } from '@palisade/core';
import { reserveCalled } from '../events.ts';
import { winnersOf } from './rotation.ts';
import { MAX_SEATINGS, type Seating, seatings } from './seating.ts';

/** Blocks without a signature, ten minutes of 10 s blocks, after which a seat is taken away. */
export const SILENT_BLOCKS = 60n;
/** Votes of a new validator count two heights after it took its seat, and are heard of in the next. */
const DELAY = 3n;

/** Gives a lost seat to the first reserve that has none and is fit. */
export function callReserve(ctx: BlockContext, nodeKey: Uint8Array): void {
  const { state, session, height } = ctx;
  const now = seatings.get(state, session.number);
  const lost = now?.seatings.find(
    (one) => one.untilHeight === 0n && equalBytes(one.nodeKey, nodeKey),
  );
  if (!now || !lost) return;
  const list = now.seatings.map((one) => (one === lost ? { ...lost, untilHeight: height } : one));
  const had = (key: Uint8Array) => list.some((one) => equalBytes(one.nodeKey, key));
  const next =
    list.length < MAX_SEATINGS && session.number > 0n
      ? winnersOf(state, session.number - 1n).find((seat) => !had(seat.nodeKey))
      : undefined;
  if (next) {
    const { account, name, ...seat } = next;
    const { weight } = lost;
    fillSeat(ctx, { nodeKey: seat.nodeKey, account, name, known: 0, weight });
    list.push({ ...seat, weight, sinceHeight: height, untilHeight: 0n });
    ctx.emit(reserveCalled, { session: session.number, from: nodeKey, to: seat.nodeKey });
  }
  seatings.set(state, [session.number], { ...now, seatings: list });
}

/** Takes the seats of validators that have been silent, where a reserve can take over. */
export function replaceSilent(ctx: BlockContext): void {
  const { state, session, height } = ctx;
  if (height % SILENT_CHECK !== 0n) return;
  for (const seat of seatings.get(state, session.number)?.seatings ?? []) {
    if (!isSilent(ctx, seat)) continue;
    const before = activeValidators(state).length;
    callReserve(ctx, seat.nodeKey);
    if (activeValidators(state).length > before) dropSeat(ctx, seat.nodeKey);
  }
}

/** Blocks between two looks: silence is long, and a look reads each seat. */
const SILENT_CHECK = 10n;

function isSilent({ state, session, height }: BlockContext, seat: Seating): boolean {
  if (seat.untilHeight !== 0n) return false;
  const signed = attendance.get(state, session.number, seat.nodeKey)?.last;
  return height - (signed ?? seat.sinceHeight + DELAY) > SILENT_BLOCKS;
}
