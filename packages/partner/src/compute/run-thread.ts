/**
 * Thread that runs modules, one after another; see `runner.ts`. It imports as little as it can,
 * because reading its program is most of what starting it takes.
 */
import { parentPort } from 'node:worker_threads';
import type { RunLimits } from './limits.ts';
import { runModule } from './run-module.ts';

/** One run; answered by a `Run`. */
export type RunQuestion = {
  readonly module: Uint8Array;
  readonly input: Uint8Array;
  readonly limits: RunLimits;
};

parentPort!.on('message', ({ module, input, limits }: RunQuestion) => {
  const run = runModule(module, input, limits);
  parentPort!.postMessage(run, [run.output.buffer as ArrayBuffer]);
});
