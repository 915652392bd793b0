/** Power and collators, read page by page. */

import { allPages, type ChainClient } from '@palisade/client';
import { toHex } from '@palisade/core';
import { type CollatorView, collatorsQuery, powerTotalsQuery } from '@palisade/power/schema';

export type PowerView = Awaited<ReturnType<typeof readPower>>;

export async function readPower(chain: ChainClient) {
  const [totals, { number: session }, collators] = await Promise.all([
    chain.query(powerTotalsQuery, {}),
    chain.session(),
    readCollators(chain),
  ]);
  return { totals, session, collators };
}

/** Collators with most power in the running session first. */
async function readCollators(chain: ChainClient): Promise<readonly CollatorView[]> {
  const all = await allPages(async (last: CollatorView | undefined) => {
    const after = last?.nodeKey ?? new Uint8Array(32);
    return (await chain.query(collatorsQuery, { after })).collators;
  });
  return all.toSorted((a, b) => Number(b.snapshot.power - a.snapshot.power));
}

/** Names of collators by node key as hex. */
export function namesOf({ collators }: Pick<PowerView, 'collators'>): ReadonlyMap<string, string> {
  return new Map(collators.map(({ nodeKey, collator }) => [toHex(nodeKey), collator.name]));
}
