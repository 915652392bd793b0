/**
 * Runs modules of strangers in threads, one module in a thread at a time. A module reaches its memory,
 * its input and its output, and nothing else; how many run at once is bounded, and so is what each
 * may take (`limits.ts`). A thread whose run takes too long, or is not wanted any more, is ended.
 *
 * Threads that ended their run well wait for the next, since starting one takes longer than many a
 * run; for one that was ended, another is ready before it is needed.
 */
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { PalisadeError, TreeBuilder } from '@palisade/core';
import { type RunLimits, THREAD_HEAP_MIB, THREAD_STACK_MIB } from './limits.ts';
import type { Run } from './run-module.ts';
import type { RunQuestion } from './run-thread.ts';

/** Where the bundled thread stands beside this program; absent when running from source. */
export const RUN_THREAD = new URL('./run-thread.js', import.meta.url);

/** What is to be run, and how long this machine lets it. */
export type RunOrder = {
  /** The bytes of a WebAssembly module. */
  readonly module: Uint8Array;
  readonly input: Uint8Array;
  readonly limits: RunLimits;
  /** This machine's patience, ms; what takes longer has no result. */
  readonly timeMs: number;
};

/** No result: it says something about this machine's patience, not about the run. */
export type TimedOut = { readonly end: 'time-limit'; readonly reason: string };

/** What came of a run; but for `time-limit`, end, output and fuel are the same wherever it runs. */
export type RunResult =
  | (Run & {
      /** Content id of the output, 32 bytes. */
      readonly outputId: Uint8Array;
    })
  | TimedOut;

export type RunnerOptions = {
  /** Runs at once. */
  readonly slots: number;
  /** The program of the thread; `RUN_THREAD` unless given. */
  readonly thread?: URL;
};

/** Memory that a run may leave to a waiting thread until its garbage is collected, bytes. */
const MOST_LEFT_BEHIND = 16 * 2 ** 20;
/** Bytes that are hashed in one go, about 3 ms, before others get their turn. */
const HASHED_AT_ONCE = 2 ** 20;

export class Runner {
  readonly #slots: number;
  readonly #thread: URL;
  readonly #running = new Set<Worker>();
  readonly #idle = new Set<Worker>();
  #stopped = false;

  constructor({ slots, thread = RUN_THREAD }: RunnerOptions) {
    this.#slots = slots;
    this.#thread = thread;
  }

  /** Slots that nobody uses. */
  get free(): number {
    return this.#stopped ? 0 : this.#slots - this.#running.size;
  }

  /**
   * Runs a module to its end.
   * @throws PalisadeError `partner/no-run-slot` when all slots are taken, `partner/run-failed` when
   *   this machine failed at it, `partner/no-run-thread` when the program was not bundled with the
   *   thread's; the signal's reason when it was given
   */
  async run(order: RunOrder, signal?: AbortSignal): Promise<RunResult> {
    signal?.throwIfAborted();
    if (this.free <= 0) throw noSlot(this.#slots);
    if (!existsSync(fileURLToPath(this.#thread))) throw noThread(this.#thread);
    const worker = this.#take();
    let reusable = false;
    try {
      const run = await answer(worker, order, signal);
      if (run.end === 'time-limit') return run;
      reusable = run.memoryBytes <= MOST_LEFT_BEHIND;
      return { ...run, outputId: await contentId(run.output) };
    } finally {
      await this.#giveBack(worker, reusable);
    }
  }

  /** Ends what runs, which then throws `partner/run-failed`. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const all = [...this.#running, ...this.#idle];
    await Promise.all(all.map((worker) => worker.terminate()));
  }

  #take(): Worker {
    const [worker = this.#start()] = this.#idle;
    this.#idle.delete(worker);
    this.#running.add(worker);
    worker.ref();
    return worker;
  }

  async #giveBack(worker: Worker, reusable: boolean): Promise<void> {
    if (!reusable) await worker.terminate();
    this.#running.delete(worker);
    if (this.#stopped) return;
    worker.unref();
    this.#idle.add(reusable ? worker : this.#start());
  }

  /** A thread without environment and arguments, that keeps no process alive by waiting. */
  #start(): Worker {
    const worker = new Worker(this.#thread, {
      env: {},
      argv: [],
      execArgv: [],
      resourceLimits: {
        maxOldGenerationSizeMb: THREAD_HEAP_MIB,
        stackSizeMb: THREAD_STACK_MIB,
      },
    });
    worker.unref();
    // An error that nobody hears would end the process.
    worker.on('error', () => {});
    worker.on('exit', () => this.#idle.delete(worker));
    return worker;
  }
}

async function answer(
  worker: Worker,
  order: RunOrder,
  signal?: AbortSignal,
): Promise<Run | TimedOut> {
  const { module, input, limits, timeMs } = order;
  const done = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Run | TimedOut>((resolve, reject) => {
      const fail = (cause: unknown) => reject(failed(cause));
      const gone = () => fail(new Error('it was ended'));
      done.signal.addEventListener('abort', () => {
        worker.off('message', resolve).off('error', fail).off('exit', gone);
      });
      worker.on('message', resolve).on('error', fail).on('exit', gone);
      signal?.addEventListener('abort', () => reject(signal.reason), { signal: done.signal });
      timer = setTimeout(() => resolve(tookTooLong(timeMs)), timeMs);
      worker.postMessage({ module, input, limits } satisfies RunQuestion);
    });
  } finally {
    clearTimeout(timer);
    done.abort();
  }
}

async function contentId(bytes: Uint8Array): Promise<Uint8Array> {
  const tree = new TreeBuilder();
  for (let at = 0; at < bytes.length; at += HASHED_AT_ONCE) {
    tree.push(bytes.subarray(at, at + HASHED_AT_ONCE));
    await setImmediate();
  }
  return tree.finish().contentId;
}

function tookTooLong(timeMs: number): TimedOut {
  return { end: 'time-limit', reason: `it took longer than ${timeMs} ms here` };
}

function noThread(thread: URL): PalisadeError {
  return new PalisadeError({
    code: 'partner/no-run-thread',
    message: `Modules run in a thread whose program is not at ${thread.pathname}.`,
    next: 'Run the bundled program (npm start, npx palisade), which has it beside it.',
  });
}

function noSlot(slots: number): PalisadeError {
  return new PalisadeError({
    code: 'partner/no-run-slot',
    message: `${slots} modules are running, which is as many as this partner runs at once.`,
    retry: 'later',
  });
}

function failed(cause: unknown): PalisadeError {
  return new PalisadeError({
    code: 'partner/run-failed',
    message: `The thread of a run ended without a result: ${cause instanceof Error ? cause.message : String(cause)}.`,
    retry: 'later',
    cause,
  });
}
