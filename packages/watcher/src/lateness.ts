/**
 * When an invalid exit is late (X2): it stayed unchallenged for `slaBlocks` after it became visible
 * as invalid, or less than that is left until it can finalize. Both rules always hold.
 */
import { PalisadeError } from '@palisade/core';

/** How long somebody has to react. */
export type Margins = {
  /** The margin, in root-chain blocks. */
  readonly slaBlocks: number;
  /** What a root-chain block takes, ms; turns the margin into time. */
  readonly blockTimeMs: number;
};

/** The present, as the root chain has it. */
export type RootTime = {
  /** Height of the newest root-chain block. */
  readonly height: number;
  /** Its time, seconds since 1970. */
  readonly seconds: number;
};

export type LateReason = 'unchallenged-too-long' | 'finalizes-soon';

/** The reference's margin: 23 hours of 15 seconds a block, within an exit period of seven days. */
const USUAL_SLA_BLOCKS = 5_520;
/** On shorter exit periods the margin is this part of them. */
const SHORT_PERIOD_PART = 10;

/** The margin as time, in seconds. */
export function slaSeconds({ slaBlocks, blockTimeMs }: Margins): number {
  return (slaBlocks * blockTimeMs) / 1000;
}

/** The margin that is taken where none is set: the usual one, or a tenth of a short exit period. */
export function defaultSlaBlocks(minExitPeriodSeconds: number, blockTimeMs: number): number {
  const usual = { slaBlocks: USUAL_SLA_BLOCKS, blockTimeMs };
  if (slaSeconds(usual) < minExitPeriodSeconds) return USUAL_SLA_BLOCKS;
  const part = (minExitPeriodSeconds * 1000) / SHORT_PERIOD_PART / blockTimeMs;
  return Math.max(1, Math.floor(part));
}

/**
 * Refuses a margin that no exit could ever keep.
 * @throws PalisadeError `watcher/margin-too-long`
 */
export function checkMargins(margins: Margins, minExitPeriodSeconds: number): void {
  if (slaSeconds(margins) < minExitPeriodSeconds) return;
  throw new PalisadeError({
    code: 'watcher/margin-too-long',
    message: `A margin of ${margins.slaBlocks} root-chain blocks takes ${slaSeconds(margins)} s; exits take only ${minExitPeriodSeconds} s: every exit would be late when it starts.`,
    next: 'Set watch.slaMarginBlocks to less, or leave it out.',
  });
}

/** Why an invalid exit is late; nothing while it is in time. `finalizesAt` in seconds since 1970. */
export function lateReasons(
  margins: Margins,
  now: RootTime,
  exit: { readonly visibleAt: number; readonly finalizesAt: number | undefined },
): readonly LateReason[] {
  const reasons: LateReason[] = [];
  if (exit.visibleAt + margins.slaBlocks <= now.height) reasons.push('unchallenged-too-long');
  if (exit.finalizesAt !== undefined && exit.finalizesAt - now.seconds < slaSeconds(margins))
    reasons.push('finalizes-soon');
  return reasons;
}

/** Below this part of the margin it is time to leave the chain (X11). */
const EXIT_NOW_PART = 4;

/** Whether an invalid exit is so near its end that everybody else should leave now. */
export function isNearlyFinal(margins: Margins, now: RootTime, finalizesAt: number): boolean {
  return finalizesAt - now.seconds < slaSeconds(margins) / EXIT_NOW_PART;
}

/** Whole root-chain blocks until a moment; none when it has passed. */
export function blocksUntil(margins: Margins, now: RootTime, seconds: number): number {
  return Math.max(0, Math.floor(((seconds - now.seconds) * 1000) / margins.blockTimeMs));
}
