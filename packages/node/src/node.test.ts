import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NATIVE, send } from '@palisade/chain';
import { accountSigner, fromHex, nodeSigner, signEnvelope, toHex } from '@palisade/core';
import { cancel, ready, request } from '@palisade/market';
import { afterEach, describe, expect, it } from 'vitest';
import { DEVELOPMENT_TIMING, makeNetwork } from '../../devnet/src/network.ts';
import { startTestNode } from '../test/test-node.ts';
import type { NodeOptions } from './options.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Start = { readonly dataDir?: string; readonly nowMs?: () => number } & Pick<
  NodeOptions,
  'faults'
>;

async function start({ dataDir, nowMs = Date.now, ...more }: Start = {}) {
  const dir = dataDir ?? (await mkdtemp(join(tmpdir(), 'palisade-node-')));
  if (!dataDir) cleanups.push(() => rm(dir, { recursive: true, force: true }));
  const network = makeNetwork('node-test', 1_700_000_000_000, DEVELOPMENT_TIMING);
  const { node, stop } = await startTestNode(network, {
    dataDir: dir,
    guardMs: 150,
    clock: { nowMs },
    faucetSecret: network.faucetSecret,
    shadow: true,
    ...more,
  });
  cleanups.push(stop);
  return { node, network, url: node.urls[0]!, stop, dir };
}

const post = (url: string, body: Uint8Array) =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/octet-stream' } });

describe('a validator node', () => {
  it('[ENG] makes blocks with a shadow, takes a transaction, and tells where it went', async () => {
    const { node, network, url } = await start();
    const client = accountSigner(network.clientSecret);
    const tx = await signEnvelope(
      send,
      {
        to: new Uint8Array(20).fill(7),
        denom: NATIVE.denom,
        amount: 10n ** 18n,
        nonce: 0n,
        maxFee: 10n ** 18n,
      },
      node.domain,
      client,
    );
    const answer = await post(`${url}/v1/transactions`, tx);
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { id: string };
    await node.engine.produce();
    // Blocks are indexed by a listener, which the engine does not wait for.
    const where = async () => (await fetch(`${url}/v1/transactions/${id}`)).json();
    await expect.poll(where).toMatchObject({ status: 'included', height: '1', code: 0 });
    expect((await fetch(`${url}/v1/transactions/${toHex(new Uint8Array(32))}`)).status).toBe(404);
    await node.engine.produce();
    const status = (await (await fetch(`${url}/status`)).json()) as {
      height: string;
      seat: string;
      directory: unknown[];
    };
    expect(status).toMatchObject({ height: '2', seat: 'active' });
    expect(status.directory).toHaveLength(6);
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
  });

  it('[C2V-2] confirms a job for a block, and the block has it', async () => {
    const { node, network, url } = await start();
    await node.engine.produce();
    const client = accountSigner(network.clientSecret);
    const job = await signEnvelope(
      request,
      {
        utility: 1,
        subject: new Uint8Array(32).fill(1),
        size: 5n,
        partners: 1,
        sessions: 2,
        maxRate: 10n ** 15n,
        nonce: 0n,
        maxFee: 10n ** 18n,
      },
      node.domain,
      client,
    );
    const answer = await post(`${url}/v1/jobs`, job);
    expect(answer.status).toBe(202);
    const confirmed = (await answer.json()) as { job: string };
    const passive = await post(`${node.urls[5]}/v1/jobs`, job);
    expect(passive.status).toBe(421);
    await node.engine.produce();
    await node.engine.produce();
    const view = await fetch(`${url}/v1/query/market.job?id=${confirmed.job}`);
    expect(await view.json()).toMatchObject({ result: { job: { state: 1 } } });
    const mayTake = `${url}/v1/query/market.may-take?partner=${confirmed.job}&value=1&agreements=`;
    const statuses = ['1', '', '0x1', '1e3', '%201'].map(
      async (number) => (await fetch(`${mayTake}${number}`)).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 400, 400, 400, 400]);
    const partner = nodeSigner(network.partners[0]!.nodeSecret);
    const announce = await signEnvelope(
      ready,
      {
        sequence: 1n,
        atMs: BigInt(Date.now()),
        expiresMs: BigInt(Date.now() + 60_000),
        url: 'http://127.0.0.1:1',
        utility: 1,
        price: 1n,
        maxSize: 1n,
        maxSessions: 10,
        freeBytes: 1n,
        freeSlots: 1,
        direct: 0,
        accepting: 1,
        reason: '',
      },
      node.domain,
      partner,
    );
    expect((await post(`${url}/v1/partners`, announce)).status).toBe(202);
    const board = (await (await fetch(`${node.urls[1]}/v1/partners`)).json()) as {
      partners: { nodeKey: string }[];
    };
    expect(board.partners.map(({ nodeKey }) => nodeKey)).toEqual([toHex(partner.id)]);
    expect(fromHex(confirmed.job)).toHaveLength(32);
  });

  it('[ENG] an acknowledged transaction is pending, included, or dropped with the reason, also after a restart', async () => {
    let now = 1_700_000_000_000;
    let whileMaking = async () => {};
    const faults: NodeOptions['faults'] = (point) =>
      point === 'before-save' ? whileMaking() : undefined;
    const first = await start({ nowMs: () => now, faults });
    const { node, network, dir } = first;
    const client = accountSigner(network.clientSecret);
    const places = { nonce: 0n, maxFee: 10n ** 18n };
    const job = await signEnvelope(
      request,
      {
        utility: 1,
        subject: new Uint8Array(32).fill(1),
        size: 5n,
        partners: 1,
        sessions: 2,
        maxRate: 10n ** 15n,
        ...places,
      },
      node.domain,
      client,
    );
    await node.engine.produce();
    const confirmed = (await (await post(`${first.url}/v1/jobs`, job)).json()) as { job: string };
    await node.engine.produce();
    await node.engine.produce();
    // A job that nobody starts is over after one whole session: while that block is made, the
    // client cancels it, which the rules allow until the block is there.
    for (let session = 0; session < 2; session++) {
      now += DEVELOPMENT_TIMING.sessionMs;
      // The time of a block is that of the votes for the one before.
      await node.engine.produce();
      if (session === 0) await node.engine.produce();
    }
    let tooLate = '';
    whileMaking = async () => {
      const value = { job: fromHex(confirmed.job), ...places };
      const envelope = await signEnvelope(cancel, value, node.domain, client);
      const answer = await post(`${first.url}/v1/transactions`, envelope);
      expect(answer.status).toBe(202);
      tooLate = ((await answer.json()) as { id: string }).id;
    };
    const { block } = await node.engine.produce();
    const status = async (url: string, id: string) =>
      (await fetch(`${url}/v1/transactions/${id}`)).json();
    const dropped = {
      status: 'dropped',
      height: `${block.header.height}`,
      error: { code: 'market/job-over', message: expect.stringContaining('in time') },
    };
    expect(await status(first.url, tooLate)).toMatchObject(dropped);
    const gift = { to: new Uint8Array(20).fill(7), denom: NATIVE.denom, amount: 10n ** 18n };
    const waiting = await signEnvelope(send, { ...gift, ...places }, node.domain, client);
    const answer = await post(`${first.url}/v1/transactions`, waiting);
    const { id } = (await answer.json()) as { id: string };
    await first.stop();
    const second = await start({ dataDir: dir, nowMs: () => now });
    expect(await status(second.url, tooLate)).toMatchObject(dropped);
    expect(await status(second.url, id)).toMatchObject({ status: 'pending' });
    await second.node.engine.produce();
    const where = () => status(second.url, id);
    await expect.poll(where).toMatchObject({ status: 'included', code: 0 });
  });
});
