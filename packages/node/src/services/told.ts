/** When partners were told of jobs, ms: their acknowledgements are timed by it. */
import { toBinaryString } from '@palisade/core';

/** Notices remembered at most, 100 bytes each: those of the last seconds. */
const MAX_REMEMBERED = 20_000;

export class Told {
  /** Two generations: the older goes as a whole, for looking for the oldest of many takes longer than telling. */
  private recent = new Map<string, number>();
  private older = new Map<string, number>();

  note(job: Uint8Array, partner: Uint8Array, nowMs: number): void {
    if (this.recent.size >= MAX_REMEMBERED / 2) {
      this.older = this.recent;
      this.recent = new Map();
    }
    this.recent.set(keyOf(job, partner), nowMs);
  }

  /** When it was told, once: the next acknowledgement of the same notice is not timed. */
  take(job: Uint8Array, partner: Uint8Array): number | undefined {
    const key = keyOf(job, partner);
    const atMs = this.recent.get(key) ?? this.older.get(key);
    this.recent.delete(key);
    this.older.delete(key);
    return atMs;
  }
}

function keyOf(job: Uint8Array, partner: Uint8Array): string {
  return toBinaryString(job) + toBinaryString(partner);
}
