/**
 * Who did not do what its seat asks: signed too few blocks of the session, or kept back its reveal.
 * Only sessions with a seat count: who is not drawn cannot serve.
 */
import { attendance, type BlockContext, missedReveals, PPM } from '@palisade/chain';
import { candidate, collators } from '../collators/collator.ts';
import { REMOVAL, removeCollator } from '../collators/remove-collator.ts';
import { params } from '../params.ts';
import { type Seating, seatings } from './seating.ts';

/** Votes of a new validator count two heights after it took its seat. */
const DELAY = 2n;

/** Looks back on the session that ends; removes collators that served badly time and again. */
export function judgeAttendance(ctx: BlockContext): void {
  const { state, session } = ctx;
  const { kickSessions } = params.need(state);
  for (const seating of seatings.get(state, session.number)?.seatings ?? []) {
    const { nodeKey, known } = seating;
    const collator = known === 0 ? candidate(state, nodeKey) : undefined;
    if (collator?.generation !== seating.generation) continue;
    const bad = servedBadly(ctx, seating);
    if (bad === undefined) continue;
    const badSessions = bad ? collator.badSessions + 1 : 0;
    if (badSessions >= kickSessions) removeCollator(ctx, nodeKey, REMOVAL.kicked);
    else if (badSessions !== collator.badSessions)
      collators.set(state, [nodeKey], { ...collator, badSessions });
  }
}

/** Undefined for a seat that was held too shortly to tell. */
function servedBadly(
  { state, session, height }: BlockContext,
  { nodeKey, sinceHeight, untilHeight }: Seating,
): boolean | undefined {
  if (untilHeight !== 0n) return true;
  if (missedReveals.has(state, session.number, nodeKey)) return true;
  const asked = height - sinceHeight - DELAY;
  if (asked <= 0n) return undefined;
  const signed = attendance.get(state, session.number, nodeKey)?.blocks ?? 0n;
  return signed * PPM < asked * BigInt(params.need(state).leastAttendancePpm);
}
