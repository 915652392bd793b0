/**
 * The shadow runs in a thread of its own: it executes every block a second time, and on a second
 * core that costs the chain nothing but the wait for whoever is slower.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Domain, PalisadeError } from '@palisade/core';
import type { Replica, Shadow } from '@palisade/engine';
import { type Answer, METHODS, type Method, type Question } from './messages.ts';
import { memoryReplica } from './replica.ts';

/** Where the bundled thread stands beside this program; absent when running from source. */
const WORKER_URL = new URL('./shadow-worker.js', import.meta.url);

/** Questions under way: the engine asks one at a time, a divergence report two; more is a bug. */
const MOST_WAITING = 16;

/** A fresh shadow: in a thread where the program was bundled with one, else in this one. */
export async function makeShadow(domain: Domain): Promise<Shadow> {
  if (existsSync(fileURLToPath(WORKER_URL))) return threadShadow(domain, WORKER_URL);
  return { application: memoryReplica(domain) };
}

/** A fresh shadow in a thread that runs the program at `url`. */
export function threadShadow(domain: Domain, url: URL): Shadow {
  const thread = new ShadowThread(new Worker(url, { workerData: domain.genesisHash }));
  const methods = METHODS.map((method) => [
    method,
    (...args: readonly unknown[]) => thread.ask(method, args),
  ]);
  return {
    application: Object.fromEntries(methods) as Replica,
    close: () => thread.close(),
  };
}

type Waiting = { resolve(value: unknown): void; reject(error: unknown): void };

class ShadowThread {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;
  private ended: PalisadeError | undefined;

  constructor(worker: Worker) {
    this.worker = worker;
    worker.on('message', (answer: Answer) => this.hear(answer));
    worker.on('error', (cause) => this.end(crashed(messageOf(cause), cause)));
    worker.on('exit', (code) => this.end(crashed(`it left with code ${code}`)));
  }

  async ask(method: Method, args: readonly unknown[]): Promise<unknown> {
    if (this.ended) throw this.ended;
    if (this.waiting.size >= MOST_WAITING) throw overrun();
    const id = this.next++;
    const answered = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    const question: Question = { id, method, args };
    this.worker.postMessage(question);
    return answered;
  }

  async close(): Promise<void> {
    this.end(closed());
    await this.worker.terminate();
  }

  private hear(answer: Answer): void {
    const asker = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if ('error' in answer) asker?.reject(new PalisadeError(answer.error));
    else asker?.resolve(answer.value);
  }

  /** The first reason counts: what follows a crash are its consequences. */
  private end(reason: PalisadeError): void {
    this.ended ??= reason;
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
  }
}

function crashed(why: string, cause?: unknown): PalisadeError {
  return new PalisadeError({
    code: 'node/shadow-crashed',
    message: `The thread of the shadow replica ended: ${why}. Blocks could not be compared any more, so no further ones are made.`,
    next: 'Start again; if it ends again for want of memory, give the machine more or turn the shadow off.',
    cause,
  });
}

function closed(): PalisadeError {
  return new PalisadeError({
    code: 'node/shadow-closed',
    message: 'The shadow replica was replaced or the node is stopping.',
  });
}

function overrun(): PalisadeError {
  return new PalisadeError({
    code: 'node/shadow-overrun',
    message: `${MOST_WAITING} questions wait for the thread of the shadow replica; it does not answer.`,
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
