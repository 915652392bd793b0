import type { RootLogger } from '../log/logger.ts';
import { type DaemonOptions, launchDaemon, type StartDaemon } from './daemon.ts';

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;
type Signal = keyof typeof SIGNALS;

/** The most that a timer of Node can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs the daemon that this process is for, until it ends.
 *
 * - SIGTERM or SIGINT: drain; exit 0, or 1 with a line that names what was still open.
 * - A second signal: exit at once with 128 + its number, as a shell reports it.
 * - `context.fail`, or a start that fails: one line with the error and its code, drain, exit 1.
 * - An error that nobody caught: one line, abort the context's signal, exit 1 at once, for nobody
 *   knows in what state things are; a store must survive that as it survives `kill -9`.
 *
 *   await runDaemon('validator', async (ctx) => { ctx.onStop(...); ... }, { log, dataDir });
 */
export async function runDaemon(
  name: string,
  start: StartDaemon,
  options: Omit<DaemonOptions, 'onFail'> & {
    readonly log: RootLogger;
    /** Told why it ends, where the log is not what people look at. */
    readonly onEnd?: (error: unknown) => void;
  },
): Promise<void> {
  const { log, onEnd } = options;
  // Node ends a process that waits for nothing but signals; a daemon ends when it is told to.
  setInterval(() => {}, LONGEST_TIMER_MS);
  const exit = (code: number): never => {
    log.close();
    process.exit(code);
  };

  let ending = false;
  const end = async (code: number) => {
    ending = true;
    const { open, failed } = await daemon.stop();
    for (const { name: part, error } of failed) log.error('could not close', { part, err: error });
    if (open.length > 0) log.error('stopped before all was closed', { open });
    const clean = open.length === 0 && failed.length === 0;
    log.info('stopped', { clean });
    exit(clean ? code : 1);
  };
  const onFail = (error: unknown) => {
    log.fatal('failed', { err: error });
    onEnd?.(error);
    if (!ending) void end(1);
  };
  const onSignal = (signal: Signal) => {
    if (ending) {
      log.warn('stopped at once by a second signal', { signal });
      exit(128 + SIGNALS[signal]);
    }
    log.info('stopping', { signal });
    void end(0);
  };
  const onUncaught = (error: unknown) => {
    log.fatal('uncaught error', { err: error });
    onEnd?.(error);
    daemon.abort();
    exit(1);
  };

  for (const signal of Object.keys(SIGNALS) as Signal[]) process.on(signal, onSignal);
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);

  const daemon = launchDaemon(name, start, { ...options, onFail });
  try {
    await daemon.started;
    if (!ending) log.info('started', { pid: process.pid });
  } catch (error) {
    if (ending) return; // a signal came first; `end` is on its way to the exit
    log.fatal('could not start', { err: error });
    onEnd?.(error);
    await end(1);
  }
}
