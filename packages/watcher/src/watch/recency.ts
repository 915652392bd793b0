/**
 * How recent what is known is, by time and not by blocks: everything that counted at some moment was read and
 * judged, and that moment is not long ago. Before the first such moment nothing is known to be recent.
 */

/** What counted a minute ago must have been judged: a few blocks of the root chain, or one slow look. */
export const STALE_MS = 60_000;
/** Moments that are waited for; what is seen while there are more is passed over, which makes nothing more recent. */
const MAX_MOMENTS = 64;

/** At this time, ms, everything up to this height counted. */
type Moment = { readonly height: number; readonly ms: number };

export class Recency {
  /** Heights rise. */
  private moments: Moment[] = [];
  private judgedMs = Number.NEGATIVE_INFINITY;

  /** Everything up to a height counts now. */
  saw(height: number, ms: number): void {
    const last = this.moments.at(-1);
    if (last && height < last.height) return;
    if (last?.height === height) this.moments.pop();
    if (this.moments.length < MAX_MOMENTS) this.moments.push({ height, ms });
  }

  /** Everything up to a height was read and judged. */
  judged(height: number): void {
    const done = this.moments.filter((moment) => moment.height <= height);
    this.moments = this.moments.slice(done.length);
    this.judgedMs = done.at(-1)?.ms ?? this.judgedMs;
  }

  /** What was judged is not known to hold any more. */
  forget(): void {
    this.moments = [];
    this.judgedMs = Number.NEGATIVE_INFINITY;
  }

  isFresh(nowMs: number): boolean {
    return nowMs - this.judgedMs < STALE_MS;
  }
}
