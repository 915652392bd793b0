/** AT_CAPACITY (P2V-6): how often a partner may say something else of its room. */
import type { ValueOf } from '@palisade/core';
import type { ready } from '../messages/ready.ts';

/** What of a READY is its capacity. */
export type Capacity = Pick<ValueOf<typeof ready>, 'accepting' | 'freeSlots' | 'freeBytes'>;

/** `full` and `open` enter and leave the state AT_CAPACITY; `room` changes how much there is. */
export type CapacityChange = 'none' | 'room' | 'full' | 'open';

export function capacityChange(before: Capacity, next: Capacity): CapacityChange {
  if (before.accepting !== next.accepting) return next.accepting === 1 ? 'open' : 'full';
  const same = before.freeSlots === next.freeSlots && before.freeBytes === next.freeBytes;
  return same ? 'none' : 'room';
}

/** When a partner's capacity changed last, ms; in the far past when never. */
export type CapacityTimes = { readonly anyMs: number; readonly stateMs: number };

export const NEVER_CHANGED: CapacityTimes = {
  anyMs: Number.NEGATIVE_INFINITY,
  stateMs: Number.NEGATIVE_INFINITY,
};

/**
 * Time until a change may be told, ms; 0 when now. That a partner is full is told soon after other
 * changes, because whoever comes meanwhile comes for nothing, but not soon after it was full before.
 */
export function waitForChange(
  change: CapacityChange,
  times: CapacityTimes,
  nowMs: number,
  cooldownMs: number,
): number {
  if (change === 'none') return 0;
  const since = change === 'room' ? times.anyMs : times.stateMs;
  return Math.max(0, since + cooldownMs - nowMs);
}

export function noteChange(
  change: CapacityChange,
  times: CapacityTimes,
  nowMs: number,
): CapacityTimes {
  if (change === 'none') return times;
  return { anyMs: nowMs, stateMs: change === 'room' ? times.stateMs : nowMs };
}
