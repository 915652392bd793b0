/** How often somebody may ask: a bucket per key that fills slowly. */
import { toBinaryString } from '@palisade/core';

/** Keys remembered at most; one that was forgotten may ask a little more. */
const MAX_KEYS = 10_000;

/**
 * Answers whether a key may ask now: `burst` times at once, then once in `everyMs`. The first of
 * them, which would come back into the bucket last, is forgotten when there are too many.
 */
export function gate(
  everyMs: number,
  burst: number,
  nowMs: () => number,
): (key: Uint8Array) => boolean {
  /** When the bucket of a key is full again, ms. */
  const fullAt = new Map<string, number>();
  return (id) => {
    const key = toBinaryString(id);
    const now = nowMs();
    const full = Math.max(now, fullAt.get(key) ?? now);
    if (full - now > everyMs * (burst - 1)) return false;
    fullAt.delete(key);
    for (const oldest of fullAt.keys()) {
      if (fullAt.size < MAX_KEYS) break;
      fullAt.delete(oldest);
    }
    fullAt.set(key, full + everyMs);
    return true;
  };
}
