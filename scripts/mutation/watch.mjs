/**
 * Ends the process when a check that is off has made a test endless, which the test's own thread would not
 * get to. By processor time: a machine that is busy makes no test longer.
 */
import { appendFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

const { tried } = workerData;

setInterval(() => {
  const [number, endUs] = tried;
  if (number === 0 || process.cpuUsage().user < endUs) return;
  appendFileSync(process.env.PALISADE_SAID, `${JSON.stringify({ endless: number })}\n`);
  process.kill(process.pid, 'SIGKILL');
}, 1000);
