/** For whom a validator answers in the running session (P2V-2), remembered: hashes for each job would add up. */
import { activeValidators } from '@palisade/chain';
import { equalBytes, toBinaryString } from '@palisade/core';
import { responsibleFor } from '@palisade/market';
import type { Pool } from './pool.ts';
import type { Validator } from './validator.ts';

/** Partners remembered, as many as the board has. */
const MAX_REMEMBERED = 10_000;

/** Answers with who is answered for now: ask again in the next block. */
export function dutyOf(
  { application }: Pick<Pool, 'application'>,
  self: Validator,
): () => (partner: Uint8Array) => boolean {
  const known = new Map<string, boolean>();
  let knownFor = '';
  return () => {
    const { session, nodeKey } = self;
    const active = activeValidators(application.committed).map((one) => one.nodeKey);
    const now = `${session}:${active.map(toBinaryString).join('')}`;
    if (now !== knownFor) known.clear();
    knownFor = now;
    return (partner) => {
      const key = toBinaryString(partner);
      const before = known.get(key);
      if (before !== undefined) return before;
      const isMine = responsibleFor(partner, session, active).some((one) =>
        equalBytes(one, nodeKey),
      );
      if (known.size >= MAX_REMEMBERED) known.clear();
      known.set(key, isMine);
      return isMine;
    };
  };
}
