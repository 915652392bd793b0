/** Stopping: signals that many hang on, and work that is waited for no longer than it deserves. */
import { setMaxListeners } from 'node:events';
import { pause } from '@palisade/daemon';

/** Calls and streams that hang on one signal at once; more would be a leak, and Node says so. */
const MAX_LISTENERS = 1024;

/** Lets many calls hang on a signal without a warning. */
export function shared(signal: AbortSignal): AbortSignal {
  setMaxListeners(MAX_LISTENERS, signal);
  return signal;
}

/** For parts that are stopped as one. */
export function stopController(): AbortController {
  const controller = new AbortController();
  shared(controller.signal);
  return controller;
}

/** What hangs on a network that is away is left behind: everything that matters is on disk. */
const STOP_MS = 4000;

/** Resolves when the work has ended in whatever way, or after a few seconds. */
export async function settled(work: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const ended = work.then(
    () => {},
    () => {}, // whoever began it has heard of it
  );
  await Promise.race([ended, pause(STOP_MS, patience.signal)]);
  patience.abort();
}
