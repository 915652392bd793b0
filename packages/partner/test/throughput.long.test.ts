/**
 * How fast contents come in and go out, next to a plain program on the same `node:http` that does
 * the same to every byte: copies it, hashes it into the tree, writes it, syncs. For a quiet machine.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { GROUP_BYTES, TreeBuilder, toHex } from '@palisade/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningPartner } from '../src/index.ts';
import {
  type Cleanup,
  contentOf,
  MIB,
  type Pool,
  PRICE,
  send,
  startPool,
  startTestPartner,
  type TestContent,
  tempFolder,
} from './pool-kit.ts';

const SIZE = 64 * MIB;
const ROUNDS = 5;
const cleanups: Cleanup[] = [];
let pool: Pool;
let partner: RunningPartner;
beforeAll(async () => {
  pool = await startPool(cleanups, { blockTimeMs: 1000, sessionMs: 600_000, guardMs: 100 });
  partner = await startTestPartner(pool, cleanups, {
    config: { partner: { quotaBytes: 2 ** 34 }, timing: { pollMs: 60_000, stillActiveMs: 60_000 } },
  });
}, 60_000);
afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Takes a body in as the store does, without any of the rest; serves one file. */
async function plainServer(folder: string) {
  let number = 0;
  let last = '';
  const server = createServer(async (incoming, response) => {
    if (incoming.method === 'GET') {
      response.writeHead(200, { 'content-length': SIZE });
      createReadStream(last, { highWaterMark: 256 * 1024 }).pipe(response);
      return;
    }
    last = join(folder, `${number++}`);
    const file = await open(last, 'w');
    let group = new Uint8Array(GROUP_BYTES);
    let spare = new Uint8Array(GROUP_BYTES);
    let tree = new TreeBuilder();
    let filled = 0;
    let writing: Promise<unknown> = Promise.resolve();
    for await (const chunk of incoming as AsyncIterable<Uint8Array>)
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + GROUP_BYTES - filled);
        group.set(part, filled);
        tree.push(part);
        filled += part.length;
        at += part.length;
        if (filled < GROUP_BYTES) continue;
        tree.finish();
        tree = new TreeBuilder();
        await writing;
        writing = file.write(group, 0, filled);
        [group, spare] = [spare, group];
        filled = 0;
      }
    await writing;
    await file.datasync();
    await file.close();
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Puts bytes the cheapest way there is; answers with the milliseconds it took. */
function put(url: string, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const outgoing = request(url, { method: 'PUT' }, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode === 200) resolve(performance.now() - began);
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    outgoing.on('error', reject).end(bytes);
  });
}

function get(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const outgoing = request(url, (response) => {
      let length = 0;
      response.on('data', (part: Uint8Array) => {
        length += part.length;
      });
      response.on('end', () =>
        length === SIZE ? resolve(performance.now() - began) : reject(new Error(`${length}`)),
      );
    });
    outgoing.on('error', reject).end();
  });
}

const median = (times: readonly number[]) =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
const rate = (ms: number) => Math.round(SIZE / MIB / (ms / 1000));

async function prepared(content: TestContent, outline: boolean): Promise<string> {
  const job = await pool.client.request(content);
  const asked = PRICE * BigInt(SIZE / MIB);
  const voucher = await pool.client.voucher(job, partner.nodeKey, { rate: asked });
  const begun = await send('POST', `${partner.url}/v1/agreements`, voucher);
  expect(begun.status).toBe(201);
  const base = `${partner.url}/v1/agreements/${toHex(job)}`;
  if (outline) await send('PUT', `${base}/outline`, content.roots);
  return `${base}/content?offset=0`;
}

describe('throughput', () => {
  it('is at least 0.7 of a plain program that does the same to every byte', async () => {
    const plain = await plainServer(await tempFolder(cleanups));
    const times = { plainIn: [], checked: [], blind: [], plainOut: [], out: [] } as Record<
      'plainIn' | 'checked' | 'blind' | 'plainOut' | 'out',
      number[]
    >;
    for (let round = 0; round < ROUNDS; round++) {
      const [first, second] = [contentOf(SIZE, 2 * round + 1), contentOf(SIZE, 2 * round + 2)];
      const checked = await prepared(first, true);
      const blind = await prepared(second, false);
      times.plainIn.push(await put(plain, first.bytes));
      times.checked.push(await put(checked, first.bytes));
      times.blind.push(await put(blind, second.bytes));
      times.plainOut.push(await get(plain));
      times.out.push(await get(`${partner.url}/v1/content/${toHex(first.contentId)}`));
    }
    const medians = Object.fromEntries(
      Object.entries(times).map(([name, list]) => [name, median(list)]),
    ) as Record<keyof typeof times, number>;
    for (const [name, ms] of Object.entries(medians)) console.log(`${name}: ${rate(ms)} MiB/s`);
    expect(medians.plainIn / medians.checked).toBeGreaterThan(0.7);
    expect(medians.plainOut / medians.out).toBeGreaterThan(0.7);
  }, 300_000);
});
