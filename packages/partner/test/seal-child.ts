/** A process that seals a sector until somebody kills it: `node seal-child.js <order as JSON>`. */
import { fromHex } from '@palisade/core';
import { sealSector } from '../src/miner/tasks.ts';

const { folder, miner, seed, shape } = JSON.parse(process.argv[2]!);
sealSector({ folder, miner: fromHex(miner), sector: 1n, seed: fromHex(seed), shape }, (labels) =>
  process.stdout.write(`${labels}\n`),
);
