/**
 * A miner's threads. Two of them: one seals, which takes minutes, the other proves and checks, which
 * must not wait for it. Where the program was not bundled with the thread (tests, the sources as they
 * are), tasks run on this thread.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { PalisadeError } from '@palisade/core';
import { runTask, type SealAnswer, type Task, type TaskName, type Tasks } from './thread-task.ts';

/** Where the bundled thread stands beside this program. */
export const SEAL_THREAD = new URL('./seal-thread.js', import.meta.url);

/**
 * Heap of a thread, MiB: what it seals lies in array buffers outside of it. Young objects are hashes that
 * nobody needs a moment later; with room for more of them, the thread would only collect them later.
 */
const HEAP = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4 };

/**
 * A thread that had nothing to do for so long is ended, ms: it holds some 40 MiB, another is there in a
 * tenth of a second, and the tasks of a moment come one upon the other.
 */
const IDLE_MS = 2000;

type Waiting = {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: (labels: number) => void;
};

/** One thread; started with its first task, again after it died. */
class Lane {
  readonly #thread: URL;
  readonly #isPatient: boolean;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(thread: URL, isPatient: boolean) {
    this.#thread = thread;
    this.#isPatient = isPatient;
  }

  run(task: Task, onProgress: (labels: number) => void): Promise<unknown> {
    const worker = this.#worker ?? this.#start();
    clearTimeout(this.#idle);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      worker.postMessage({ id, task });
    });
  }

  /** Ends the thread where it stands; what it had done is on the disk. */
  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#failAll(new Error('it was ended'));
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#thread, {
      env: {},
      argv: [],
      workerData: { isPatient: this.#isPatient },
      execArgv: [],
      resourceLimits: HEAP,
    });
    worker.unref();
    worker.on('message', (answer: SealAnswer) => this.#hear(answer));
    worker.on('error', (error) => this.#failAll(error));
    worker.on('exit', () => {
      if (this.#worker === worker) this.#failAll(new Error('it exited'));
    });
    this.#worker = worker;
    return worker;
  }

  #hear(answer: SealAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    if (!waiting) return;
    if ('labels' in answer) {
      waiting.onProgress(answer.labels);
      return;
    }
    this.#waiting.delete(answer.id);
    if ('result' in answer) waiting.resolve(answer.result);
    else waiting.reject(failed(answer.failure));
    if (this.#waiting.size > 0) return;
    this.#idle = setTimeout(() => void this.stop(), IDLE_MS);
    this.#idle.unref();
  }

  #failAll(error: Error): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(failed(error.message));
    this.#waiting.clear();
  }
}

export class Sealer {
  readonly #lanes: { readonly slow: Lane; readonly quick: Lane } | undefined;

  constructor(thread: URL = SEAL_THREAD) {
    if (existsSync(fileURLToPath(thread)))
      this.#lanes = { slow: new Lane(thread, true), quick: new Lane(thread, false) };
  }

  /** @throws PalisadeError `partner/seal-failed` when the thread failed or was ended */
  run<N extends TaskName>(
    name: N,
    order: Tasks[N]['order'],
    onProgress: (labels: number) => void = () => {},
  ): Promise<Tasks[N]['result']> {
    const task = { name, order } as unknown as Task;
    const lane = name === 'seal' || name === 'repair' ? this.#lanes?.slow : this.#lanes?.quick;
    const running = lane ? lane.run(task, onProgress) : runTask(task, onProgress);
    return running as Promise<Tasks[N]['result']>;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#lanes?.slow.stop(), this.#lanes?.quick.stop()]);
  }
}

function failed(why: string): PalisadeError {
  return new PalisadeError({
    code: 'partner/seal-failed',
    message: `The thread of the miner did not end its task: ${why}`,
    retry: 'later',
  });
}
