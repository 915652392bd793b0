/** Access as it is sold: real validators, a partner that leads somewhere, a client that uses it. */
import { existsSync } from 'node:fs';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import {
  type AccessJob,
  environment,
  type MarketClient,
  openMarket,
  openTunnel,
  type UsagePayer,
  type UsageState,
} from '@palisade/client';
import { accountSigner, toHex } from '@palisade/core';
import { AGREEMENT_STATE, amountFor } from '@palisade/market/schema';
import { afterEach, describe, expect, it } from 'vitest';
import { recomputePayouts } from '../../../test/story/recompute-payouts.ts';
import {
  agreementOnChain,
  type Cleanup,
  MIB,
  type Pool,
  PRICE,
  QUICK,
  sessionsUntil,
  startPool,
  startTestPartner,
  tempFolder,
  until,
} from './pool-kit.ts';
import { startPlace, through, upgrade } from './tunnel-kit.ts';

const cleanups: Cleanup[] = [];
const sockets: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of sockets.splice(0).reverse()) await cleanup();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Story = {
  readonly pool: Pool;
  readonly market: MarketClient;
  readonly port: number;
  readonly key: Uint8Array;
  readonly dataDir: string;
};

/** A network with one partner that leads to an echo, and a client with money. */
async function begin(timing = QUICK): Promise<Story> {
  const port = await startPlace(sockets as never, (socket) => void socket.pipe(socket));
  const pool = await startPool(cleanups, timing);
  const access = { allow: [`127.0.0.1:${port}`], voucherMs: 500, voucherBytes: MIB };
  const { nodeKey, dataDir } = await startTestPartner(pool, cleanups, { config: { access } });
  await until(async () => (await pool.chain.partners()).length === 1);
  const secret = pool.network.clientSecret;
  const signer = accountSigner(secret);
  const market = openMarket(pool.chain, { signer, ownerSecret: secret });
  return { pool, market, port, key: nodeKey, dataDir };
}

async function buy({ market, pool }: Story): Promise<AccessJob> {
  const [partner] = await pool.chain.partners();
  const quote = await market.quoteAccess({ partner: partner!, bytes: 8 * MIB, durationMs: 1000 });
  expect(quote).toMatchObject({ price: PRICE, sessions: 2, size: BigInt(4 * MIB) });
  expect(quote.escrow).toBe(8n * PRICE);
  return market.buyAccess(quote);
}

async function openFor({ market, pool }: Story, job: AccessJob, payer: UsagePayer) {
  const socket = await upgrade(job.url, sockets as never);
  return openTunnel(socket, {
    env: environment(pool.clock.environment),
    domain: await market.chain.domain(),
    signer: accountSigner(pool.network.clientSecret),
    job: job.job,
    partner: job.partner,
    payer,
  });
}

async function echo(socket: Socket, bytes: number): Promise<void> {
  let back = 0;
  const whole = new Promise<void>((resolve) => {
    socket.on('data', (part) => {
      back += part.length;
      if (back === bytes) resolve();
    });
  });
  socket.write(Buffer.alloc(bytes));
  await whole;
}

describe('access', () => {
  it('[C2V-0, C2V-7] is asked for, agreed on, used, vouched for, ended by both, and paid to the byte', async () => {
    const story = await begin({ ...QUICK, sessionMs: 6000 });
    const { market, pool, key, port } = story;
    const job = await buy(story);
    const kept: UsageState[] = [];
    const payer = market.payer(job, async (state) => void kept.push(state));
    const tunnel = await openFor(story, job, payer);
    await echo(await through(tunnel, sockets as never, port), 700_000);
    await tunnel.finish();
    const { receipt } = await market.endAccess(job, payer.state);
    const amount = amountFor(1_400_000n, job);
    expect(receipt).toMatchObject({ units: 1_400_000n, amount });
    expect(kept.at(-1)).toEqual(payer.state);
    const { completed } = AGREEMENT_STATE;
    const mine = () => agreementOnChain(pool, job.job, key);
    await sessionsUntil(pool, async () => (await mine())?.state === completed);
    const agreement = (await mine())!;
    expect(agreement).toMatchObject({ units: 1_400_000n, vouched: amount, paid: amount });
    await expectRecomputed(story, job.job);
  });

  /** Works the payment out from the partner's disk, which explains it only as the client signed it. */
  async function expectRecomputed({ pool, dataDir }: Story, job: Uint8Array) {
    const root = await tempFolder(cleanups);
    await symlink(dataDir, join(root, 'partner-1'));
    const genesisHash = toHex((await pool.chain.domain()).genesisHash);
    await writeFile(join(root, 'network.json'), JSON.stringify({ urls: pool.urls, genesisHash }));
    const honest = await recomputePayouts(root);
    expect(honest.code, honest.text).toBe(0);
    expect(JSON.parse(honest.text).paidRows).toBeGreaterThan(0);
    // The partner puts it there when it sees the end: before that, both would write it.
    const path = join(dataDir, 'usage/ended', `${toHex(job).slice(2)}.json`);
    await until(async () => existsSync(path), { what: 'the record among those that ended' });
    const usage = JSON.parse(await readFile(path, 'utf8')) as { amount: string };
    await writeFile(path, JSON.stringify({ ...usage, amount: `${BigInt(usage.amount) + 1n}` }));
    const forged = await recomputePayouts(root, '--looks', '1');
    expect(forged.code, forged.text).toBe(1);
  }

  it('[C2V-7.G1, P2V-8.G1] the client that never signs a receipt and goes away still owes what it vouched for', async () => {
    const story = await begin();
    const { market, pool, key, port } = story;
    const job = await buy(story);
    const payer = market.payer(job, async () => {});
    const tunnel = await openFor(story, job, payer);
    const socket = await through(tunnel, sockets as never, port);
    await echo(socket, 300_000);
    await until(async () => tunnel.totals.paid === 600_000n, { what: 'a voucher' });
    tunnel.close({ code: 'test/gone', message: 'The client dies.' });
    const { state } = payer;
    const mine = () => agreementOnChain(pool, job.job, key);
    const { active } = AGREEMENT_STATE;
    await sessionsUntil(pool, async () => ((await mine())?.state ?? active) !== active);
    await sessionsUntil(pool, async () => (await mine())!.paid === state.amount);
    expect(state.units).toBe(600_000n);
    await expectRecomputed(story, job.job);
  });

  it('[P2V-5, P2V-8.G1] the disconnect in the middle: a partner that dies goes on with the last voucher, and so does the client', async () => {
    const story = await begin({ ...QUICK, sessionMs: 8000 });
    const { market, pool, key, port } = story;
    const job = await buy(story);
    const payer = market.payer(job, async () => {});
    const first = await openFor(story, job, payer);
    await echo(await through(first, sockets as never, port), 100_000);
    await until(async () => first.totals.paid === 200_000n, { what: 'a voucher' });
    const stop = cleanups.pop()!;
    await stop();
    expect((await first.over()).code).toBe('partner/stopping');
    const { port: oldPort } = new URL(job.url);
    const access = { allow: [`127.0.0.1:${port}`], voucherMs: 500, voucherBytes: MIB };
    const { dataDir } = story;
    await startTestPartner(pool, cleanups, { dataDir, port: Number(oldPort), config: { access } });
    const second = await openFor(story, job, payer);
    expect(second.totals.units).toBe(200_000n);
    await echo(await through(second, sockets as never, port), 50_000);
    await second.finish();
    const { receipt } = await market.endAccess(job, payer.state);
    expect(receipt.units).toBe(300_000n);
    const paid = async () => (await agreementOnChain(pool, job.job, key))?.paid;
    await sessionsUntil(pool, async () => (await paid()) === receipt.amount);
  });

  it('[P2V-3] storage is not for sale there, and access not where no place is listed', async () => {
    const story = await begin();
    await startTestPartner(story.pool, cleanups, { number: 1 });
    await until(async () => (await story.pool.chain.partners()).length === 2);
    const partners = await story.pool.chain.partners();
    const keeper = partners.find(({ ready }) => ready.utility === 1)!;
    const wish = { bytes: MIB, durationMs: 1000 };
    await expect(story.market.quoteAccess({ partner: keeper, ...wish })).rejects.toThrow(
      /offers no access/,
    );
    const quote = story.market.quote({ size: 1000, replicas: 2, durationMs: 1000 });
    await expect(quote).rejects.toThrow(/1 of the 2 known/);
    const leader = partners.find(({ ready }) => ready.utility === 3)!;
    const dear = story.market.quoteAccess({ partner: leader, ...wish, maxPrice: PRICE - 1n });
    await expect(dear).rejects.toThrow(/asks more/);
  });
});
