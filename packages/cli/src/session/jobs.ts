/** Jobs as people name them, and as they are shown. */
import type { ChainClient, MarketClient } from '@palisade/client';
import { fromHex, PalisadeError, toHex } from '@palisade/core';
import { isOver, JOB_STATE, type Job } from '@palisade/market/schema';
import { usageError } from '../terminal/print-error.ts';

/** Digits of an id that are enough to name one of a few own jobs. */
const MIN_PREFIX = 4;

/**
 * The job of an id: all 64 digits of any job, or the beginning of one of the account's own.
 * @throws PalisadeError `cli/usage`, `cli/no-such-job`
 */
export async function resolveJob(market: MarketClient, text: string): Promise<Uint8Array> {
  const digits = text.trim().toLowerCase().replace(/^0x/, '').replace(/…$/, '');
  if (/^[0-9a-f]{64}$/.test(digits)) return fromHex(digits);
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < MIN_PREFIX)
    throw usageError(
      `'${text.slice(0, 80)}' is no job id.`,
      `Give its 64 digits, or the first ${MIN_PREFIX} or more of one of yours: palisade jobs`,
    );
  const found = (await market.jobs()).filter(({ id }) => toHex(id).slice(2).startsWith(digits));
  if (found.length === 1) return found[0]!.id;
  throw new PalisadeError({
    code: 'cli/no-such-job',
    message:
      found.length === 0
        ? `None of your jobs begins with ${digits}.`
        : `${found.length} of your jobs begin with ${digits}.`,
    next: 'palisade jobs lists them; give more digits.',
  });
}

const STATES = new Map<number, string>(
  Object.entries(JOB_STATE).map(([name, state]) => [state, name]),
);

export function stateName(state: number): string {
  return STATES.get(state) ?? `state ${state}`;
}

export function stateOf({ state, active, partners }: Job): string {
  const isPart = state === JOB_STATE.started && active < partners;
  return isPart ? `${active} of ${partners}` : stateName(state);
}

/** How long a job still runs, ms: whole sessions after the running one, and what is left of it. */
export async function timeLeft(chain: ChainClient): Promise<(job: Job) => number> {
  const [{ sessionMs }, session, { timeMs }] = await Promise.all([
    chain.params(),
    chain.session(),
    chain.status(),
  ]);
  const leftInSession = session.startMs + sessionMs - timeMs;
  return (job) => {
    if (isOver(job)) return 0;
    const lastSession = job.session + BigInt(job.sessions) - 1n;
    const whole = lastSession - session.number;
    return Math.max(0, Number(whole * sessionMs + leftInSession));
  };
}
