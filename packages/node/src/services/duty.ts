/** For whom a validator answers in the running session (P2V-2), remembered: hashes for each job would add up. */
import { activeValidators } from '@palisade/chain';
import { equalBytes, toBinaryString } from '@palisade/core';
import { responsibleFor } from '@palisade/market';
import type { Pool } from './pool.ts';
import type { Validator } from './validator.ts';

/** Partners remembered, as many as the board has. */
const MAX_REMEMBERED = 10_000;

/** Answers whether a validator answers for a partner. */
export function dutyOf(
  { application }: Pick<Pool, 'application'>,
  self: Validator,
): (partner: Uint8Array) => boolean {
  const known = new Map<string, boolean>();
  let knownFor = '';
  return (partner) => {
    const active = activeValidators(application.committed).map(({ nodeKey }) => nodeKey);
    const now = `${self.session}:${active.map(toBinaryString).join('')}`;
    if (now !== knownFor || known.size >= MAX_REMEMBERED) known.clear();
    knownFor = now;
    const key = toBinaryString(partner);
    const before = known.get(key);
    if (before !== undefined) return before;
    const chosen = responsibleFor(partner, self.session, active);
    const mine = chosen.some((one) => equalBytes(one, self.nodeKey));
    known.set(key, mine);
    return mine;
  };
}
