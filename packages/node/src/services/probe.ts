/**
 * Trying a partner's endpoint from here. The address is one that a partner signed, so nothing but
 * whether it answers is looked at, no redirect is followed, and few are tried at a time.
 */
import type { Finding } from './meetings.ts';

/** An endpoint that has not answered by then is not reached, ms (C2V-2.G1: a time-out of 6 s). */
const PROBE_MS = 6000;
/** Probes at a time; more disagreements than that are not looked into. */
const MAX_PROBES = 8;

/** Answers how to try a base URL; undefined while too many are being tried. */
export function prober(): (url: string) => Promise<Finding> | undefined {
  let running = 0;
  return (url) => {
    if (running >= MAX_PROBES) return undefined;
    running++;
    return probe(url).finally(() => {
      running--;
    });
  };
}

async function probe(url: string): Promise<Finding> {
  try {
    const signal = AbortSignal.timeout(PROBE_MS);
    const answer = await fetch(`${url}/health`, { redirect: 'manual', signal });
    await answer.body?.cancel();
    return answer.status === 200 ? 'reachable' : 'unreachable';
  } catch {
    return 'unreachable';
  }
}
