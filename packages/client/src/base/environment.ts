/** What the SDK needs of the world; browsers and Node offer all of it. */
import { aborted } from './errors.ts';

export type Environment = {
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** @throws PalisadeError `client/aborted` as soon as the signal says so */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** 0 <= x < 1; for pauses, never for secrets. */
  random(): number;
};

/** The environment of this process or page, with parts replaced, as tests do. */
export function environment(parts: Partial<Environment> = {}): Environment {
  return {
    fetch: (input, init) => globalThis.fetch(input, init),
    nowMs: () => Date.now(),
    sleep,
    random: Math.random,
    ...parts,
  };
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted());
    const onAbort = () => {
      clearTimeout(timer);
      reject(aborted());
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * A signal of its own that also follows `outer`. `release` must be called: a long-lived outer
 * signal would otherwise collect a listener with every request.
 */
export function follow(outer?: AbortSignal): {
  readonly signal: AbortSignal;
  abort(): void;
  release(): void;
} {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (outer?.aborted) abort();
  outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    abort,
    release: () => outer?.removeEventListener('abort', abort),
  };
}
