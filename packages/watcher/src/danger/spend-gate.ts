/** Whether payments and deposits may go through the watcher now (X10). */
import { type Refusal, refuse } from '@palisade/core';
import { type AlarmName, DANGER_TABLE, dangerOf } from './levels.ts';

export type Mode = 'watch-only' | 'defensive';

export type GateInput = {
  readonly mode: Mode;
  /** Whether everything up to the present was looked at; a chain that was not looked at is not safe. */
  readonly synced: boolean;
  readonly alarms: Iterable<AlarmName>;
};

/** Why nothing may be spent now; undefined when it may. */
export function spendRefusal({ mode, synced, alarms }: GateInput): Refusal | undefined {
  if (mode === 'watch-only')
    return refuse(
      'watcher/watch-only',
      'This watcher only looks: nobody would challenge thieves for what is spent through it.',
      { next: 'Run it with --mode defensive and a funded challenger key.' },
    );
  const stopping = [...alarms].filter((alarm) => DANGER_TABLE[alarm].refuses);
  // What was found is told first: to leave is more urgent than to wait.
  if (stopping.length === 0) return synced ? undefined : notSynced();
  const { level, reasons, advice } = dangerOf(stopping);
  return refuse(
    'watcher/chain-in-danger',
    `Spending and depositing are stopped: ${reasons.join(', ')}.`,
    { retry: 'later', next: advice, data: { level, reasons } },
  );
}

function notSynced(): Refusal {
  return refuse(
    'watcher/not-synced',
    'The watcher has not looked at everything yet, so it cannot tell whether the chain is safe.',
    { retry: 'later', next: 'Wait until /ready answers 200.' },
  );
}
