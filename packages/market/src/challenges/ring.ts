/** Coming to and leaving the ring of partners that can be challenged. */
import type { State } from '@palisade/chain';
import type { KeyValueReader } from '@palisade/core';
import { exposures, probationBonds } from '../standing/records.ts';
import { ring, ringPlaces, ringSize } from './records.ts';

/** Whether a partner has something at stake: who offers work needs a bond, or a name from work it has. */
export function isAtStake(state: KeyValueReader, partner: Uint8Array): boolean {
  const bond = probationBonds.get(state, partner)?.amount ?? 0n;
  return bond > 0n || exposures.has(state, partner);
}

/** To be called when a partner's bond or exposure has changed: gives it a place, or takes it away. */
export function placeOnRing(state: State, partner: Uint8Array): void {
  const place = ringPlaces.get(state, partner);
  const belongs = isAtStake(state, partner);
  if (belongs === (place !== undefined)) return;
  const size = ringSize.get(state) ?? 0;
  if (place === undefined) {
    ring.set(state, [BigInt(size)], partner);
    ringPlaces.set(state, [partner], BigInt(size));
    ringSize.set(state, [], size + 1);
    return;
  }
  // The last one moves into the gap.
  const end = BigInt(size - 1);
  const last = ring.need(state, end);
  ring.set(state, [place], last);
  ringPlaces.set(state, [last], place);
  ring.delete(state, end);
  ringPlaces.delete(state, partner);
  ringSize.set(state, [], size - 1);
}
