/** Thread of a miner; see `sealer.ts`. It does one task after another and tells how far it is. */
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { runTask, type SealAnswer, type SealQuestion } from './thread-task.ts';

// Sealing waits for everything else. Elsewhere than on Linux, a priority is that of the process.
if (workerData?.isPatient === true && process.platform === 'linux')
  setPriority(constants.priority.PRIORITY_LOW);

parentPort!.on('message', async ({ id, task }: SealQuestion) => {
  const say = (answer: SealAnswer) => parentPort!.postMessage(answer);
  try {
    const result = await runTask(task, (labels) => say({ id, labels }));
    say({ id, result });
  } catch (error) {
    say({ id, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
