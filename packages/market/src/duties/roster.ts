/** Who answers for whom in a session, as the chain remembers it for complaints. */
import { activeValidators, type BlockContext } from '@palisade/chain';
import { equalBytes, type KeyValueReader } from '@palisade/core';
import { responsibleFor } from '../rules/responsible.ts';
import { rosters } from './records.ts';

/** Writes down who has a seat when a session begins. */
export function openRoster({ state, session }: BlockContext): void {
  if (rosters.has(state, session.number)) return;
  const keys = activeValidators(state).map(({ nodeKey }) => nodeKey);
  rosters.set(state, [session.number], keys);
}

/** Whether a validator was one of those that answered for a partner in a session. */
export function wasResponsible(
  state: KeyValueReader,
  session: bigint,
  partner: Uint8Array,
  validator: Uint8Array,
): boolean {
  const roster = rosters.get(state, session) ?? [];
  return responsibleFor(partner, session, roster).some((key) => equalBytes(key, validator));
}
