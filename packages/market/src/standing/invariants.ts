/** Laws of standings, bonds and exposures. */
import { heldFor, holds, type Invariant } from '@palisade/chain';
import { toHex } from '@palisade/core';
import { bondPurpose } from '../commands/post-bond.ts';
import { agreements, jobs, settlementsDue } from '../job.ts';
import { boundBy, isUnsettled } from '../rules/bound.ts';
import { exposures, probationBonds, standings } from './records.ts';
import { SCALE, SCORE_RULE } from './score.ts';

/** Every bond is held on its account, and nothing is held that is no bond. */
const bondsAreHeld: Invariant = {
  name: 'market: bonds = what accounts hold for them',
  check(state) {
    let bonds = 0n;
    for (const [[partner], { account, amount }] of probationBonds.list(state)) {
      const held = heldFor(state, account, bondPurpose(partner));
      if (held !== amount) return `${toHex(partner)}: a bond of ${amount}, held ${held}`;
      bonds += amount;
    }
    let held = 0n;
    for (const [[, key], amount] of holds.list(state))
      if (key.includes(':market.bond/')) held += amount;
    return held === bonds ? undefined : `bonds add up to ${bonds}, holds to ${held}`;
  },
};

/** What a partner has in flight is what its agreements may still earn. */
const exposuresAddUp: Invariant = {
  name: 'market: exposure = agreements that have not ended and what they may still earn',
  check(state) {
    const sums = new Map<string, { agreements: number; value: bigint }>();
    for (const [[next, job, partner]] of settlementsDue.list(state)) {
      const agreement = agreements.need(state, job, partner);
      if (!isUnsettled(agreement)) return `${toHex(job)}: is to be settled after its end`;
      const sum = sums.get(toHex(partner)) ?? { agreements: 0, value: 0n };
      sum.agreements++;
      sum.value += boundBy(jobs.need(state, job), agreement, next);
      sums.set(toHex(partner), sum);
    }
    for (const [[partner], { agreements: count, value }] of exposures.list(state)) {
      const sum = sums.get(toHex(partner));
      sums.delete(toHex(partner));
      if (sum?.agreements !== count || sum.value !== value)
        return `${toHex(partner)}: recorded ${count} and ${value}, found ${sum?.agreements} and ${sum?.value}`;
    }
    for (const key of sums.keys()) return `${key}: works and has no exposure`;
    return undefined;
  },
};

/** No evidence is beyond what the longest row of successes or failures could bring. */
const evidenceIsBounded: Invariant = {
  name: 'market: evidence stays within what is remembered',
  check(state) {
    const { memory, failureFactor } = SCORE_RULE;
    const most = (SCALE * SCALE) / (SCALE - memory);
    for (const [[, key], { alpha, beta }] of standings.list(state))
      if (alpha > most || alpha + beta > failureFactor * most || alpha + beta === 0n)
        return `${toHex(key)}: alpha ${alpha}, beta ${beta}`;
    return undefined;
  },
};

export const standingInvariants: readonly Invariant[] = [
  bondsAreHeld,
  exposuresAddUp,
  evidenceIsBounded,
];
