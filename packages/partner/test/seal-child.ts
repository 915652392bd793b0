/** A process that seals a sector and is killed after so many labels: `node seal-child.js <order as JSON>`. */
import { fromHex } from '@palisade/core';
import { sealSector } from '../src/miner/tasks.ts';

const { folder, miner, seed, shape, labels: most } = JSON.parse(process.argv[2]!);
sealSector({ folder, miner: fromHex(miner), sector: 1n, seed: fromHex(seed), shape }, (labels) => {
  if (labels > most) process.kill(process.pid, 'SIGKILL');
});
