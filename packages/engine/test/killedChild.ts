// A process with an engine that is killed in the middle of things; see killed.test.ts. It prints one line
// for every acknowledged transaction, and `SIGKILL`s itself where it is told to.
import { closeSync, fsyncSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { utf8 } from '@palisade/core';
import { createEmbeddedEngine } from '../src/index.ts';
import { genesisOf, hostedKeys, START_MS } from './embeddedSubject.ts';
import { encodeDisk } from './killedDisk.ts';
import { createKvstore, newDisk } from './kvstore.ts';

const [dataDir, point, atHeight] = process.argv.slice(2) as [string, string, string];
const disk = newDisk();
const application = createKvstore(disk);
const commit = application.commit.bind(application);
application.commit = async (request) => {
  const response = await commit(request);
  const file = openSync(`${dataDir}/disk.tmp`, 'w');
  writeFileSync(file, encodeDisk(disk));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${dataDir}/disk.tmp`, `${dataDir}/disk.json`);
  return response;
};

let ms = START_MS;
const engine = createEmbeddedEngine({
  application,
  genesis: genesisOf(),
  hostedKeys,
  dataDir,
  blockTimeMs: 0,
  clock: { nowMs: () => ms },
  faults: (reached, height) => {
    if (reached === point && String(height) === atHeight) process.kill(process.pid, 'SIGKILL');
  },
});
await engine.start();

/** Straight to the descriptor: what a stream still holds would die with the process. */
const say = (line: string) => writeSync(1, `${line}\n`);
let sent = 0;
const submitting = async () => {
  for (;;) {
    const tx = `tx${sent++}=1`;
    const { accepted } = await engine.submit(utf8(tx));
    if (accepted) say(`ack ${tx}`);
  }
};
for (let sender = 0; sender < 3; sender++) void submitting();
for (;;) {
  ms += 1_000;
  const { block, blockId } = await engine.produce();
  say(`block ${block.header.height} ${Buffer.from(blockId.hash).toString('hex')}`);
}
