/** Thread that the shadow replica lives in; see `thread-shadow.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { signingDomain } from '@palisade/core';
import { type Answer, type Question, toPlain } from './messages.ts';
import { memoryReplica } from './replica.ts';

const replica = memoryReplica(signingDomain(workerData as Uint8Array));

async function answer({ id, method, args }: Question): Promise<Answer> {
  try {
    const work = replica[method] as (...args: readonly unknown[]) => Promise<unknown>;
    return { id, value: await work(...args) };
  } catch (error) {
    return { id, error: toPlain(error) };
  }
}

parentPort!.on('message', async (question: Question) => {
  parentPort!.postMessage(await answer(question));
});
