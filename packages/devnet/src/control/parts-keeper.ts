/** The parts of a network while they run, and how they are stopped for a while. */
import { type DaemonContext, launchDaemon } from '@palisade/daemon';

export type RunningParts = {
  /** Base URLs of the validators: active ones first. */
  readonly urls: readonly string[];
  readonly partnerUrls: readonly string[];
  /** Process ids by part; this process for all, unless they have their own. */
  readonly pids: Readonly<Record<string, number>>;
  /** Puts the clock of every part ahead of the machine's by so much. */
  setClock(aheadMs: number): Promise<void>;
  /** Has the validators make a block now. */
  produce(): Promise<void>;
};

export type PartsKeeper = {
  /** Those that run now. */
  parts(): RunningParts;
  /** Stops all parts, does the work, and starts them again whatever comes of it. */
  whileStopped(work: () => Promise<void>): Promise<void>;
};

/** Starts the parts; `context` stops them. */
export async function keepParts(
  context: DaemonContext,
  start: (context: DaemonContext) => Promise<RunningParts>,
): Promise<PartsKeeper> {
  const launch = () =>
    launchDaemon('parts of the network', start, { log: context.log, onFail: context.fail });
  let daemon = launch();
  const stop = async () => {
    const { open, failed } = await daemon.stop();
    if (failed[0]) throw failed[0].error;
    if (open.length > 0) throw new Error(`still open: ${open.join(', ')}`);
  };
  context.onStop('parts of the network', stop);
  let parts = await daemon.started;
  return {
    parts: () => parts,
    async whileStopped(work) {
      try {
        await stop();
        await work();
      } finally {
        daemon = launch();
        // Nothing runs any more when they cannot start: whoever supervises this must see it.
        parts = await daemon.started.catch((error: unknown) => {
          context.fail(error);
          throw error;
        });
      }
    },
  };
}
