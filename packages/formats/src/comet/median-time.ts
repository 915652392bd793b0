/** BFT time of CometBFT v0.38 (spec/consensus/bft-time.md). */
import { PalisadeError, toHex } from '@palisade/core';
import type { Commit, Validator } from './messages.ts';
import { findValidator } from './validator-set.ts';

/**
 * The time of the next block: the median of the precommits' times, weighted by power. Less than half
 * of the power cannot move it outside what honest clocks say.
 * @throws PalisadeError `formats/median-time` when someone signed who is not in the set.
 */
export function medianTimeNs(
  commit: Commit,
  set: { readonly validators: readonly Validator[] },
): bigint {
  const times: { readonly timeNs: bigint; readonly power: bigint }[] = [];
  for (const { blockIdFlag, validatorAddress, timeNs } of commit.signatures) {
    if (blockIdFlag === 'absent') continue;
    const found = findValidator(set, validatorAddress);
    if (!found) throw noMedian(`${toHex(validatorAddress)} is not in the validator set`);
    times.push({ timeNs, power: found.validator.power });
  }
  times.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
  let left = times.reduce((sum, { power }) => sum + power, 0n) / 2n;
  for (const { timeNs, power } of times) {
    if (left <= power) return timeNs;
    left -= power;
  }
  throw noMedian('nobody signed');
}

function noMedian(why: string): PalisadeError {
  return new PalisadeError({
    code: 'formats/median-time',
    message: `This commit has no median time: ${why}.`,
    retry: 'never',
  });
}
