/**
 * The life of a daemon: claim the data folder, start, run, drain, close in reverse order.
 * `launchDaemon` has no effect on the process, so that several can live in one (a development
 * network, tests); `runDaemon` adds signals and exit codes, for a process that is one daemon.
 */
import { ensureDir } from '../files/folders.ts';
import type { Logger } from '../log/logger.ts';
import { lockDataDir } from './dataLock.ts';
import { type Closer, createStopStack, type StopReport, within } from './stopStack.ts';

/** What a daemon gets from its surroundings. */
export type DaemonContext = {
  readonly name: string;
  readonly log: Logger;
  /** Aborted when stopping begins: take nothing new; hand it to children, dials and timers. */
  readonly signal: AbortSignal;
  /** Closes something when the daemon stops: last registered, first closed. */
  onStop(name: string, closer: Closer): void;
  /** Something broke that the daemon cannot live without: stop everything, exit with 1. */
  fail(error: unknown): void;
};

/** Starts a daemon; whatever it opens it registers with `onStop`. May take its time, within the drain. */
export type StartDaemon<T = unknown> = (context: DaemonContext) => Promise<T>;

export type DaemonOptions = {
  readonly log: Logger;
  /** Made if need be, and locked against a second process. */
  readonly dataDir?: string;
  /** Time to stop in, milliseconds. Default 30 s: what service managers and containers grant. */
  readonly drainMs?: number;
  /** Called once by `context.fail`. */
  readonly onFail?: (error: unknown) => void;
};

export type RunningDaemon<T = unknown> = {
  /** What the start answered, or why it could not; then what was opened is closed again. */
  readonly started: Promise<T>;
  /** Tells the daemon's parts to take nothing new; part of `stop`. */
  abort(): void;
  /** Drains and closes. Never rejects; a second call answers as the first did. */
  stop(): Promise<StopReport>;
};

const DRAIN_MS = 30_000;

/** Starts a daemon inside this process, without touching signals or exit codes. */
export function launchDaemon<T>(
  name: string,
  start: StartDaemon<T>,
  { log, dataDir, drainMs = DRAIN_MS, onFail }: DaemonOptions,
): RunningDaemon<T> {
  const controller = new AbortController();
  const closers = createStopStack();
  let failed = false;
  const context: DaemonContext = {
    name,
    log,
    signal: controller.signal,
    onStop: closers.push,
    fail: (error) => {
      if (!failed) onFail?.(error);
      failed = true;
    },
  };

  const begin = async () => {
    await Promise.resolve(); // nothing runs before the caller holds what we return
    if (dataDir !== undefined) {
      await ensureDir(dataDir);
      const lock = await lockDataDir(dataDir, name);
      closers.push('lock of the data folder', lock.release);
    }
    return start(context);
  };
  const beginning = begin();

  let stopping: Promise<StopReport> | undefined;
  const drain = async (): Promise<StopReport> => {
    controller.abort();
    const began = performance.now();
    const settled = await within(
      drainMs,
      beginning.catch(() => {}),
    );
    if (!settled) return { open: [`start of ${name}`], failed: [] };
    return closers.stopAll(drainMs - (performance.now() - began));
  };
  const stop = () => (stopping ??= drain());

  const started = beginning.catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { started, abort: () => controller.abort(), stop };
}
