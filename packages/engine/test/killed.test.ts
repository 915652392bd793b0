// Real processes, really killed: `kill -9` at named moments and at any moment.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { fromUtf8, toHex } from '@palisade/core';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { checkChain } from './checkChain.ts';
import { Bench } from './embeddedSubject.ts';
import { readDisk } from './killedDisk.ts';

/** Bundled into the repository's cache folder, where Node finds the native packages. */
const cache = fileURLToPath(new URL('../../../.cache/', import.meta.url));
let bundle = '';
let folder = '';
let child: ChildProcess | undefined;

beforeAll(async () => {
  mkdirSync(cache, { recursive: true });
  bundle = mkdtempSync(join(cache, 'killed-'));
  await build({
    entryPoints: [fileURLToPath(new URL('killedChild.ts', import.meta.url))],
    outfile: join(bundle, 'child.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['lmdb', 'secp256k1', 'hash-wasm', '@noble/*', '@chainsafe/*', '@bufbuild/*'],
    conditions: ['node'],
  });
});
afterAll(() => rmSync(bundle, { recursive: true, force: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'palisade-killed-'));
});
afterEach(async () => {
  // Only where a test failed half-way is there still one to end.
  if (child?.exitCode === null) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

type Heard = { readonly acknowledged: string[]; readonly blocks: Map<bigint, string> };

/** Runs the child until it is dead; kills it after `blocks` blocks if it does not do so itself. */
async function runUntilKilled(point: string, height: string, blocks: number): Promise<Heard> {
  const started = spawn(process.execPath, [join(bundle, 'child.mjs'), folder, point, height], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    started.once('close', (_, signal) => resolve(signal));
  });
  const heard: Heard = { acknowledged: [], blocks: new Map() };
  for await (const line of createInterface({ input: started.stdout })) {
    const [word, ...rest] = line.split(' ') as [string, string, string?];
    if (word === 'ack') heard.acknowledged.push(rest[0]);
    if (word === 'block') heard.blocks.set(BigInt(rest[0]), `0x${rest[1]}`);
    if (heard.blocks.size >= blocks) started.kill('SIGKILL');
  }
  expect(await ended).toBe('SIGKILL');
  return heard;
}

it.each([
  ['before the block is saved', 'before-save'],
  ['after the block is saved', 'after-save'],
  ['after the application ran it', 'after-finalize'],
  ['before the application commits', 'before-app-commit'],
  ['after the application committed', 'after-app-commit'],
  ['at any moment', 'never'],
])('[ENG] kill -9 %s loses no acknowledged transaction and changes no block', async (_, point) => {
  const heard = await runUntilKilled(point, '4', 8);
  expect(heard.acknowledged.length).toBeGreaterThan(3);
  const bench = new Bench(folder, readDisk(join(folder, 'disk.json')));
  try {
    await bench.open();
    await bench.blocks(2);
    const last = await checkChain(bench.engine);
    for (const [height, hash] of heard.blocks) {
      expect(toHex((await bench.engine.block(height))!.blockId.hash)).toBe(hash);
    }
    const included: string[] = [];
    for (let height = 1n; height <= last; height++) {
      included.push(...(await bench.engine.block(height))!.block.txs.slice(1).map(fromUtf8));
    }
    expect(new Set(included).size).toBe(included.length);
    expect(heard.acknowledged.filter((tx) => !included.includes(tx))).toEqual([]);
  } finally {
    await bench.close();
  }
});
