/**
 * What is going on, how dangerous it is, and what the user is told (X11): spec/watcher.md, "Danger",
 * as data. Names of events are those of the reference's API.
 */

/** Ascending: each level includes the cautions of those before it. */
export const DANGER_LEVELS = ['OK', 'WATCH', 'DANGER', 'EXIT'] as const;
export type DangerLevel = (typeof DANGER_LEVELS)[number];

type Rule = {
  readonly level: Exclude<DangerLevel, 'OK'>;
  /** Whether payments and deposits are refused while it lasts. */
  readonly refuses: boolean;
  /** What the user is told to do. */
  readonly advice: string;
};

const INFORMED = { level: 'WATCH', refuses: false, advice: 'Nothing: it is challenged.' } as const;
const PREPARE = {
  level: 'DANGER',
  refuses: true,
  advice: 'Prepare to exit, and exit if it lasts.',
} as const;
const LEAVE = { level: 'EXIT', refuses: true, advice: 'Exit now.' } as const;

export const DANGER_TABLE = {
  invalid_exit: INFORMED,
  non_canonical_ife: INFORMED,
  invalid_ife_challenge: INFORMED,
  invalid_piggyback: INFORMED,
  piggyback_available: {
    ...INFORMED,
    advice: 'Piggyback, if an input or output of it is yours.',
  },
  challenger_underfunded: { level: 'DANGER', refuses: true, advice: 'Fund the challenger.' },
  unchallenged_exit: PREPARE,
  unchallenged_non_canonical_ife: PREPARE,
  unchallenged_ife_challenge: PREPARE,
  unchallenged_piggyback: PREPARE,
  late_invalidation: PREPARE,
  block_withholding: PREPARE,
  unreadable_exit: {
    ...PREPARE,
    advice: 'Watch by a node of the root chain that offers debug_traceTransaction.',
  },
  invalid_block: LEAVE,
  invalid_finalization: { ...LEAVE, advice: 'Exit now; what was paid out wrongly may be missing.' },
  exit_nearly_final: LEAVE,
} as const satisfies Readonly<Record<string, Rule>>;

/** Everything that a watcher can report. */
export type AlarmName = keyof typeof DANGER_TABLE;

export type Danger = {
  readonly level: DangerLevel;
  /** What was found, without repetition, the worst first. */
  readonly reasons: readonly AlarmName[];
  /** What to do about the worst. */
  readonly advice: string;
};

/** Level and advice for all that is going on at once. */
export function dangerOf(alarms: Iterable<AlarmName>): Danger {
  const reasons = [...new Set(alarms)].sort(
    (a, b) => rank(DANGER_TABLE[b].level) - rank(DANGER_TABLE[a].level) || (a < b ? -1 : 1),
  );
  const [worst] = reasons;
  if (worst === undefined) return { level: 'OK', reasons, advice: 'Nothing.' };
  const { level, advice } = DANGER_TABLE[worst];
  return { level, reasons, advice };
}

/** Order of levels, 0 for OK. */
export function rank(level: DangerLevel): number {
  return DANGER_LEVELS.indexOf(level);
}
