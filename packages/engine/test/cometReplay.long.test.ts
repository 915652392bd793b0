// The strongest check of the block formats and of the state machine around them: CometBFT executes a
// chain that the embedded engine made. Needs Go 1.22.11 or later and its module proxy, hence "long".
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toHex, utf8 } from '@palisade/core';
import {
  consensusParamsMessage,
  extendedCommitMessage,
  finalizeBlockResponseMessage,
} from '@palisade/formats';
import { expect, it } from 'vitest';
import { BlockStore } from '../src/embedded/block-store.ts';
import { checkChain } from './checkChain.ts';
import { Bench, forgeDuplicate, genesisOf, keyOf, secretOf } from './embeddedSubject.ts';

const run = promisify(execFile);
const TEN_MINUTES_MS = 600_000;

it(
  '[ENG] CometBFT itself executes a chain of the embedded engine: every block, vote, turn and time',
  async () => {
    const bench = await Bench.make();
    const folder = await mkdtemp(join(tmpdir(), 'palisade-comet-replay-'));
    try {
      const last = await eventfulChain(bench);
      await writeFile(join(folder, 'chain.json'), await dump(bench, last));
      await cp(new URL('comet-replay', import.meta.url), folder, { recursive: true });
      await run('go', ['mod', 'tidy'], { cwd: folder });
      const { stdout } = await run('go', ['run', '.', 'chain.json'], { cwd: folder });
      console.log(stdout.trim());
      expect(stdout).toMatch(`CometBFT applied ${last} blocks with 1 pieces of evidence`);
      expect(stdout).toMatch(/rounds map\[0:\d+ 1:\d+/);
    } finally {
      await bench.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
  TEN_MINUTES_MS,
);

/** Transactions, seats that change hands, evidence, missing validators, new parameters, large blocks. */
async function eventfulChain(bench: Bench): Promise<bigint> {
  const genesis = genesisOf([30n, 20n, 15n, 5n]);
  const seat = (index: number, power: number) =>
    bench.engine.submit(utf8(`seat:${toHex(keyOf(index)).slice(2)}=${power}`));
  await bench.open({ genesis });
  await bench.blocks(3);
  await seat(4, 25);
  for (let count = 0; count < 20; count++) await bench.engine.submit(utf8(`k${count}=${count}`));
  await bench.engine.submit(utf8('fail:this one'));
  await bench.blocks(4);
  await bench.engine.submitEvidence(await forgeDuplicate(bench.engine, 5n));
  await seat(3, 0);
  await seat(0, 12);
  await bench.blocks(5);
  await bench.engine.submit(utf8('app=7'));
  await bench.engine.submit(utf8(`large=${'x'.repeat(150_000)}`));
  await bench.blocks(3);
  const without = [0, 1, 3, 4].map((index) => ({ secret: secretOf(index) }));
  await bench.open({ genesis, hostedKeys: without });
  await bench.blocks(12);
  await bench.open({ genesis });
  await seat(3, 1_000);
  await bench.blocks(25);
  return checkChain(bench.engine);
}

async function dump(bench: Bench, last: bigint): Promise<string> {
  const genesis = genesisOf([30n, 20n, 15n, 5n]);
  await bench.engine.stop();
  const store = new BlockStore(`${bench.dir}/engine`);
  const blocks = [];
  for (let height = 1n; height <= last; height++) {
    blocks.push({
      block: toHex(store.block(height)!.encoded),
      commit: toHex(extendedCommitMessage.encode(store.extendedCommit(height)!)),
      response: toHex(finalizeBlockResponseMessage.encode(store.response(height)!)),
    });
  }
  const { appHash } = store.block(1n)!.block.header;
  await store.close();
  return JSON.stringify({
    chainId: genesis.chainId,
    timeNs: String(genesis.timeNs),
    initialHeight: String(genesis.initialHeight),
    appVersion: 1,
    appHash: toHex(appHash),
    consensusParams: toHex(consensusParamsMessage.encode(genesis.consensusParams)),
    validators: genesis.validators.map(({ publicKey, power }) => ({
      publicKey: toHex(publicKey),
      power: String(power),
    })),
    blocks,
  });
}
