/** What may go wrong around a partner, and that it comes through. */
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { nodeKeyQuery } from '@palisade/chain/schema';
import { connect } from '@palisade/client';
import { accountSigner, toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { createLogger, type LogFields, logSection } from '@palisade/daemon';
import { mayTakeQuery } from '@palisade/market/schema';
import { afterEach, describe, expect, it } from 'vitest';
import {
  agreementOnChain,
  type Cleanup,
  contentOf,
  errorCode,
  MIB,
  type Pool,
  PRICE,
  send,
  sessionsUntil,
  startPool,
  startTestPartner,
  type TestContent,
  tempFolder,
  until,
  upload,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const rateOf = ({ size }: TestContent) => PRICE * BigInt(Math.max(1, Math.ceil(size / MIB)));
const readyOf = async (pool: Pool, key: Uint8Array) =>
  (await pool.chain.partners()).find(({ nodeKey }) => toHex(nodeKey) === toHex(key))?.ready;

async function store(pool: Pool, url: string, key: Uint8Array, content: TestContent, sessions = 3) {
  const job = await pool.client.request(content, { sessions });
  const voucher = await pool.client.voucher(job, key, { rate: rateOf(content), sessions });
  const answer = await upload(url, job, voucher, content);
  expect(answer).toMatchObject({ status: 200, json: { state: 'starting' } });
  await until(async () => (await agreementOnChain(pool, job, key)) !== undefined);
  return job;
}

describe('a full disk', () => {
  it('[P2V-6] stops new work with the reason, keeps what is there, and resumes when there is room', async () => {
    const pool = await startPool(cleanups);
    let isFull = false;
    const partner = await startTestPartner(pool, cleanups, {
      diskHook: (step) => {
        if (isFull && (step === 'write-group' || step === 'write-file'))
          throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      },
    });
    const kept = contentOf(MIB, 1);
    await store(pool, partner.url, partner.nodeKey, kept);
    const content = contentOf(2 * MIB, 2);
    const job = await pool.client.request(content);
    const voucher = await pool.client.voucher(job, partner.nodeKey, { rate: rateOf(content) });
    await send('POST', `${partner.url}/v1/agreements`, voucher);
    await send('PUT', `${partner.url}/v1/agreements/${toHex(job)}/outline`, content.roots);
    isFull = true;
    const full = await send(
      'PUT',
      `${partner.url}/v1/agreements/${toHex(job)}/content?offset=0`,
      content.bytes,
    );
    expect([full.status, errorCode(full)]).toEqual([503, 'storage/disk-full']);
    await until(async () => (await readyOf(pool, partner.nodeKey))?.accepting === 0, {
      what: 'READY that accepts nothing',
    });
    expect((await readyOf(pool, partner.nodeKey))?.reason).toContain('disk');
    const status = await send('GET', `${partner.url}/status`);
    expect(status.json).toMatchObject({ accepting: false, agreements: { active: 1, upload: 1 } });
    const other = await pool.client.request(contentOf(10, 3));
    const refused = await send(
      'POST',
      `${partner.url}/v1/agreements`,
      await pool.client.voucher(other, partner.nodeKey, { rate: PRICE }),
    );
    expect([refused.status, errorCode(refused)]).toEqual([503, 'partner/no-room']);
    const read = await fetch(`${partner.url}/v1/content/${toHex(kept.contentId)}`);
    expect(Buffer.from(await read.arrayBuffer()).equals(kept.bytes)).toBe(true);
    isFull = false;
    await until(async () => (await readyOf(pool, partner.nodeKey))?.accepting === 1, {
      what: 'READY that accepts again',
    });
    expect(await upload(partner.url, job, voucher, content)).toMatchObject({
      json: { state: 'starting' },
    });
  });

  it('[P2V-6] of its own quota is said as well, and no offer is made beyond it', async () => {
    const pool = await startPool(cleanups);
    const partner = await startTestPartner(pool, cleanups, {
      config: { partner: { quotaBytes: 4 * MIB } },
    });
    await store(pool, partner.url, partner.nodeKey, contentOf(3.5 * MIB, 1), 8);
    await until(async () => (await readyOf(pool, partner.nodeKey))?.accepting === 0);
    const ready = await readyOf(pool, partner.nodeKey);
    expect(Number(ready!.freeBytes)).toBeLessThan(MIB / 2);
    const content = contentOf(MIB, 2);
    const job = await pool.client.request(content);
    const voucher = await pool.client.voucher(job, partner.nodeKey, { rate: PRICE });
    const refused = await send('POST', `${partner.url}/v1/agreements`, voucher);
    expect([refused.status, errorCode(refused)]).toEqual([503, 'partner/no-room']);
  });

  it('[P2V-3] that its own offer has filled is no reason against the job that it offered for', async () => {
    const pool = await startPool(cleanups);
    // Who decides about an offer and who looks at a voucher both ask what the standing allows.
    const waiting: (() => void)[] = [];
    const partner = await startTestPartner(pool, cleanups, {
      config: { partner: { quotaBytes: 4 * MIB } },
      connect: (urls) => {
        const chain = connect({ urls, environment: pool.clock.environment });
        return {
          ...chain,
          async find(declaration, params) {
            const { value = 0n } = params as { readonly value?: bigint };
            if (declaration.name === mayTakeQuery.name && value > 0n)
              await new Promise<void>((resolve) => waiting.push(resolve));
            return chain.find(declaration, params);
          },
        };
      },
    });
    const isAccepting = async () => (await readyOf(pool, partner.nodeKey))?.accepting;
    await until(async () => (await isAccepting()) === 1);
    const content = contentOf(3.5 * MIB, 1);
    const job = await pool.client.request(content);
    await until(() => waiting.length === 1, { what: 'an offer in the making' });
    const voucher = await pool.client.voucher(job, partner.nodeKey, { rate: rateOf(content) });
    const begun = send('POST', `${partner.url}/v1/agreements`, voucher);
    await until(() => waiting.length === 2, { what: 'a voucher that is looked at' });
    waiting[0]!();
    await until(async () => (await isAccepting()) === 0, { what: 'the promise' });
    waiting[1]!();
    expect(await begun).toMatchObject({ status: 201, json: { state: 'upload' } });
  });
});

describe('a damaged disk', () => {
  it('[4.5] answers no audit with wrong bytes, says so, and earns what it can still prove', async () => {
    const pool = await startPool(cleanups);
    const said: { message: string; fields: LogFields | undefined }[] = [];
    const root = createLogger(logSection.parse({ stdout: false }), { name: 'test' });
    const log = {
      ...root,
      child: () => log,
      error: (message: string, fields?: LogFields) => void said.push({ message, fields }),
    };
    const partner = await startTestPartner(pool, cleanups, { log });
    const content = contentOf(MIB, 1);
    const job = await store(pool, partner.url, partner.nodeKey, content, 12);
    const mine = () => agreementOnChain(pool, job, partner.nodeKey);
    await sessionsUntil(pool, async () => (await mine())!.answered === 1);
    const id = toHex(content.contentId).slice(2);
    const file = join(partner.dataDir, 'content/contents', id.slice(0, 2), id, 'data');
    const lie = content.bytes.slice();
    lie[12_345]! ^= 1;
    await writeFile(file, lie);
    await sessionsUntil(pool, async () => (await mine())!.missed === 1, { what: 'a missed audit' });
    expect(said.some(({ message }) => message.includes('damaged'))).toBe(true);
    const status = (await send('GET', `${partner.url}/status`)).json;
    expect(status).toMatchObject({ damaged: [{ contentId: toHex(content.contentId) }] });
    const metrics = await (await fetch(`${partner.url}/metrics`)).text();
    expect(metrics).toMatch(/palisade_partner_audits_total\{outcome="damaged"\} [1-9]/);
    expect(metrics).toContain('palisade_partner_damaged_contents 1');
    await writeFile(file, content.bytes);
    await sessionsUntil(pool, async () => (await mine())!.answered === 2);
  });
});

describe('lost books', () => {
  it('[P2V-5] are taken from the chain again, and what it knows nothing of is let go', async () => {
    const pool = await startPool(cleanups);
    const first = await startTestPartner(pool, cleanups);
    const kept = contentOf(MIB, 1);
    const job = await store(pool, first.url, first.nodeKey, kept, 9);
    const stray = contentOf(10, 2);
    const other = await pool.client.request(stray, { sessions: 2 });
    const voucher = await pool.client.voucher(other, first.nodeKey, { rate: PRICE });
    await send('POST', `${first.url}/v1/agreements`, voucher);
    const path = `${first.url}/v1/agreements/${toHex(other)}`;
    await send('PUT', `${path}/outline`, stray.roots);
    await first.stop();
    await rm(join(first.dataDir, 'agreements'), { recursive: true });
    const again = await startTestPartner(pool, cleanups, { dataDir: first.dataDir });
    const status = (await send('GET', `${again.url}/status`)).json;
    expect(status.agreements).toEqual({ upload: 0, starting: 0, active: 1 });
    const { answered } = (await agreementOnChain(pool, job, again.nodeKey))!;
    const now = async () => (await agreementOnChain(pool, job, again.nodeKey))!.answered;
    await sessionsUntil(pool, async () => (await now()) > answered, { what: 'the next audit' });
    const read = await fetch(`${again.url}/v1/content/${toHex(kept.contentId)}`);
    expect(Buffer.from(await read.arrayBuffer()).equals(kept.bytes)).toBe(true);
  });
});

describe('a network that is away', () => {
  it('serves what it holds, takes nothing, and goes to work when a validator answers', async () => {
    const pool = await startPool(cleanups);
    const first = await startTestPartner(pool, cleanups);
    const content = contentOf(MIB, 1);
    const job = await store(pool, first.url, first.nodeKey, content, 9);
    await first.stop();
    const target = new URL(pool.urls[0]!);
    const gate = await openGate(Number(target.port));
    const again = await startTestPartner(pool, cleanups, {
      dataDir: first.dataDir,
      validators: [gate.url],
      connectMs: 100,
    });
    const read = await fetch(`${again.url}/v1/content/${toHex(content.contentId)}`);
    expect(Buffer.from(await read.arrayBuffer()).equals(content.bytes)).toBe(true);
    expect((await fetch(`${again.url}/health`)).status).toBe(200);
    expect((await fetch(`${again.url}/ready`)).status).toBe(503);
    const closed = await send('GET', `${again.url}/v1/agreements/${toHex(job)}`);
    expect([closed.status, errorCode(closed)]).toEqual([503, 'partner/not-connected']);
    gate.open();
    await until(async () => (await fetch(`${again.url}/ready`)).status === 200, { what: 'ready' });
    const { answered } = (await agreementOnChain(pool, job, again.nodeKey))!;
    const now = async () => (await agreementOnChain(pool, job, again.nodeKey))!.answered;
    await sessionsUntil(pool, async () => (await now()) > answered, { what: 'the next audit' });
  });

  /** A port that refuses until it is opened, and then leads to another. */
  async function openGate(port: number) {
    let isOpen = false;
    const { connect: dial } = await import('node:net');
    const server = createServer((socket) => {
      if (!isOpen) return void socket.destroy();
      const onward = dial(port, '127.0.0.1');
      socket.pipe(onward).pipe(socket);
      for (const end of [socket, onward])
        end.on('error', () => {
          socket.destroy();
          onward.destroy();
        });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => {
      server.close();
    });
    const { port: own } = server.address() as { port: number };
    return {
      url: `http://127.0.0.1:${own}`,
      open: () => {
        isOpen = true;
      },
    };
  }
});

describe('a node key', () => {
  it('[P2V-1] is bound to the account at the first start, or the start is refused with what to do', async () => {
    const pool = await startPool(cleanups);
    const nodeSecret = new Uint8Array(32).fill(55);
    const refused = startTestPartner(pool, cleanups, { nodeSecret });
    await expect(refused).rejects.toMatchObject({
      code: 'partner/node-key-unbound',
      next: expect.stringContaining('accountKey'),
    });
    const account = accountSigner(pool.network.partners[4]!.accountSecret);
    const partner = await startTestPartner(pool, cleanups, {
      nodeSecret,
      accountSigner: account,
      name: 'newcomer',
    });
    const bound = await pool.chain.find(nodeKeyQuery, { nodeKey: ed25519.publicKey(nodeSecret) });
    expect(bound).toMatchObject({ account: account.id, label: 'newcomer', revoked: 0 });
    expect((await send('GET', `${partner.url}/status`)).json.account).toBe(toHex(account.id));
  });

  it('[P2V-1] and its data folder belong to one chain', async () => {
    const pool = await startPool(cleanups);
    const dataDir = await tempFolder(cleanups);
    await writeFile(join(dataDir, 'chain.json'), '{"genesisHash":"0x1234"}');
    await expect(startTestPartner(pool, cleanups, { dataDir })).rejects.toMatchObject({
      code: 'partner/other-chain',
    });
  });
});

describe('stopping', () => {
  it('[P2V-7] signs off, and the next start goes on with a higher sequence', async () => {
    const pool = await startPool(cleanups);
    const partner = await startTestPartner(pool, cleanups);
    await until(async () => (await readyOf(pool, partner.nodeKey))?.accepting === 1);
    const last = (await readyOf(pool, partner.nodeKey))!;
    await partner.stop();
    expect(await readyOf(pool, partner.nodeKey)).toBeUndefined();
    await startTestPartner(pool, cleanups, { dataDir: partner.dataDir });
    await until(async () => (await readyOf(pool, partner.nodeKey))?.accepting === 1);
    expect((await readyOf(pool, partner.nodeKey))!.sequence).toBeGreaterThan(last.sequence);
  });

  it('does not let two processes work in one folder', async () => {
    const pool = await startPool(cleanups);
    const partner = await startTestPartner(pool, cleanups);
    await expect(
      startTestPartner(pool, cleanups, { dataDir: partner.dataDir }),
    ).rejects.toMatchObject({ code: 'daemon/data-dir-in-use' });
  });
});
