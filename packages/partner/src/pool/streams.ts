/** Which validators a partner listens to (P2V-2). Pure rules. */
import { equalBytes } from '@palisade/core';
import { responsibleFor } from '@palisade/market/schema';
import type { ValidatorEntry } from '../network.ts';

/**
 * Streams at most: the two validators that answer for this partner, and two more, so that it hears
 * of jobs even when both are silent. Ten validators serve 10 000 partners with 4 000 streams each.
 */
export const MAX_STREAMS = 4;

/**
 * The responsible validators of a session first, then those that are listened to already, then
 * others, best first.
 *
 * @param working the validators that give work, best first
 * @param open URLs of streams that are open
 */
export function chooseStreams(
  partner: Uint8Array,
  session: bigint | undefined,
  working: readonly ValidatorEntry[],
  open: ReadonlySet<string>,
): readonly ValidatorEntry[] {
  const keys = working.map(({ nodeKey }) => nodeKey);
  const responsible = session === undefined ? [] : responsibleFor(partner, session, keys);
  const rank = ({ nodeKey, url }: ValidatorEntry) => {
    if (responsible.some((key) => equalBytes(key, nodeKey))) return 0;
    return open.has(url) ? 1 : 2;
  };
  return [...working].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_STREAMS);
}
