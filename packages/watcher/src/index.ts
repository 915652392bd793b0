/**
 * @palisade/watcher: the daemon that a careful person runs beside a child chain (spec/watcher.md). It checks
 * every child block and every exit, challenges what is wrong, and stops its user from spending on a
 * chain in danger.
 */
export { booked, type Entry, NO_TOTALS, type Totals } from './accounting/book.ts';
export {
  CHALLENGE_GAS,
  type ChallengeKind,
  type Funding,
  fundingOf,
  type OpenExit,
  smallBonds,
} from './accounting/funding.ts';
export { watchConfig } from './daemon/config.ts';
export { runWatch } from './daemon/run-watch.ts';
export {
  type AlarmName,
  DANGER_LEVELS,
  DANGER_TABLE,
  type Danger,
  type DangerLevel,
  dangerOf,
} from './danger/levels.ts';
export { type GateInput, type Mode, spendRefusal } from './danger/spend-gate.ts';
export { type Evidence, MAX_EVIDENCE_BYTES, parseEvidence } from './evidence/bundle.ts';
export { checkEvidence, type EvidenceReport } from './evidence/check.ts';
export { type RunningWatcher, startWatcher, type WatcherOptions } from './watcher.ts';
