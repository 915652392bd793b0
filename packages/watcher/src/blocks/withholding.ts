/**
 * Blocks whose root is on the root chain and whose body nobody hands out. The first failure starts a timer, which
 * is kept on disk: a watcher that restarts does not begin to wait anew. Pure.
 */

/** What is known of a block that could not be had, ms since 1970. */
export type Missing = { readonly since: number; readonly tries: number; readonly next: number };

/** The reference's patience, 15 hours, is that for an exit period of seven days; see the settings. */
export const USUAL_WITHHOLDING_MS = 15 * 3_600_000;
/** Pauses between tries double from the first to the last of these, ms. */
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 30_000;
/** Where patience is short, it is at least tried so often before its end. */
const LEAST_TRIES = 20;

/** One more failure. */
export function failedAgain(
  before: Missing | undefined,
  nowMs: number,
  patienceMs: number,
): Missing {
  const tries = (before?.tries ?? 0) + 1;
  const longest = Math.max(FIRST_PAUSE_MS, Math.min(LAST_PAUSE_MS, patienceMs / LEAST_TRIES));
  const pause = Math.min(longest, FIRST_PAUSE_MS * 2 ** Math.min(tries - 1, 10));
  return { since: before?.since ?? nowMs, tries, next: nowMs + pause };
}

/** Whether it is withheld: it failed again, after so long a time. */
export function isWithheld({ since, tries }: Missing, nowMs: number, patienceMs: number): boolean {
  return tries > 1 && nowMs - since >= patienceMs;
}
