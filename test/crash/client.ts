/** The client's process, as the one who kills it sees it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Child } from './child.ts';
import type { Heard, Outcome } from './main-job.ts';
import type { Network } from './network.ts';
import type { Step } from './points.ts';

export class Client {
  /** Jobs that more than a third of the weight has confirmed. */
  readonly confirmed = new Set<string>();
  /** Transactions of the client that were acknowledged. */
  readonly acknowledged = new Set<string>();
  /** Why the put had to be taken up again. */
  readonly interruptions: string[] = [];
  readonly folder: string;
  readonly #urls: readonly string[];
  readonly #onStep: (step: Step) => void;
  readonly #child = new Child('client-child.js');
  #outcome = deferred<Outcome>();
  #isStopped = false;

  constructor({ root, urls }: Network, onStep: (step: Step) => void) {
    this.folder = join(root, 'client');
    this.#urls = urls;
    this.#onStep = onStep;
  }

  /** Runs the main job, from what an earlier process has written down. */
  async start(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    if (this.#outcome.isDone) this.#outcome = deferred();
    this.#child.start([this.folder, ...this.#urls], (line) => this.#hear(JSON.parse(line)));
    void this.#child.gone().then(() => {
      const { ended, errors } = this.#child;
      if (this.#isStopped || ended === 0 || ended === 'SIGKILL') return;
      this.#outcome.reject(new Error(`the client ended with ${ended}: ${errors.join('')}`));
    });
  }

  async restart(): Promise<void> {
    this.#child.kill();
    await this.#child.gone();
    this.interruptions.push('the client was killed');
    await this.start();
  }

  /** What came of the job. */
  outcome(): Promise<Outcome> {
    return this.#outcome.promise;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#child.kill();
    await this.#child.gone();
  }

  #hear(heard: Heard): void {
    if (heard.kind === 'confirmed') this.confirmed.add(heard.job);
    if (heard.kind === 'acknowledged') this.acknowledged.add(heard.id);
    if (heard.kind === 'interrupted') this.interruptions.push(heard.why);
    if (heard.kind === 'outcome') this.#outcome.resolve(heard.outcome);
    if (heard.kind === 'step') this.#onStep(heard.step);
  }
}

function deferred<T>() {
  let settle = { resolve: (_value: T) => {}, reject: (_error: Error) => {} };
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => {}); // whoever asks hears of it
  const result = {
    promise,
    isDone: false,
    resolve(value: T) {
      result.isDone = true;
      settle.resolve(value);
    },
    reject: (error: Error) => settle.reject(error),
  };
  return result;
}
