/** The main job of the whole network, through the client's library and real sockets. */
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, memorySpool, openMarket, spoolFile } from '@palisade/client';
import { accountSigner, toHex } from '@palisade/core';
import { launchDaemon, silentLogger } from '@palisade/daemon';
import { keepVouchersIn, type RunningDevnet, startDevnet } from '@palisade/devnet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recomputePayouts } from './recompute-payouts.ts';

const TIMING = { blockTimeMs: 200, sessionMs: 6000, guardMs: 50 };
let root: string;
let devnet: RunningDevnet;
let stop: () => Promise<unknown>;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'palisade-story-'));
  const daemon = launchDaemon(
    'devnet',
    async (context) => {
      devnet = await startDevnet(context, {
        root,
        timing: TIMING,
        processes: false,
        logLevel: 'info',
      });
      return devnet;
    },
    { log: silentLogger, dataDir: root },
  );
  await daemon.started;
  stop = () => daemon.stop();
}, 60_000);

afterAll(async () => {
  await stop();
  await rm(root, { recursive: true, force: true });
});

describe('the main job', () => {
  it('[C2V-1, C2V-2, C2V-4, C2V-5, P2V-1, P2V-2, P2V-3, P2V-4, P2V-5] stores a real file with three partners, who prove it and are paid', async () => {
    const owner = {
      signer: accountSigner(devnet.network.clientSecret),
      ownerSecret: devnet.network.clientSecret,
      keepVoucher: keepVouchersIn(join(root, 'client', 'vouchers')),
    };
    const chain = connect({ urls: devnet.urls.slice(0, 4) });
    const market = openMarket(chain, owner);
    const bytes = await readFile(new URL('../../package-lock.json', import.meta.url));
    async function* source() {
      yield new Uint8Array(bytes);
    }
    const spooled = await spoolFile(
      source(),
      { name: 'package-lock.json', kind: 'file', size: bytes.length },
      { ownerSecret: owner.ownerSecret },
      memorySpool,
    );
    const wish = { size: spooled.size, replicas: 3, durationMs: 12_000 };
    const { sessions, maxRate } = await market.quote(wish);
    const { job } = await market.put({ ...spooled, replicas: 3, sessions, maxRate });
    const got = await market.get(job);
    const parts: Uint8Array[] = [];
    for await (const part of got.bytes) parts.push(part);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);

    const paid = new Map<string, bigint>();
    for await (const event of chain.events({ topics: ['market.partner-paid'], from: 1n })) {
      const data = event.data as { job: string; partner: string; amount: string };
      if (data.job !== toHex(job)) continue;
      paid.set(data.partner, BigInt(data.amount));
      if (paid.size === 3) break;
    }
    expect([...paid.values()].every((amount) => amount > 0n && amount <= maxRate)).toBe(true);

    // A program that shares no code with the market comes to the same payments from the disks alone.
    const recomputed = await recomputePayouts(root);
    expect(recomputed.code, recomputed.text).toBe(0);
    expect(JSON.parse(recomputed.text)).toMatchObject({
      differences: 0,
      vouchers: 3,
      vouchersOnBothDisks: 3,
    });

    const answer = await fetch(`${devnet.urls[0]}/v1/dev/totals`);
    const { totals } = (await answer.json()) as { totals: Record<string, string>[] };
    for (const line of totals) {
      const sum = ['balances', 'holds', 'escrow', 'feePot', 'burned'].reduce(
        (a, key) => a + BigInt(line[key]!),
        0n,
      );
      expect(sum).toBe(BigInt(line.genesis!) + BigInt(line.minted!));
    }
  }, 60_000);

  it('[P2V-5] is not explained by disks that lack an answer, or by a voucher that the client did not sign', async () => {
    const ledger = join(root, 'partner-1', 'ledger');
    const [book] = (await readdir(ledger)).filter((name) => !name.includes('paid'));
    await rename(join(ledger, book!), join(root, 'taken'));
    expect((await recomputePayouts(root, '--looks', '1')).code).toBe(1);
    await rename(join(root, 'taken'), join(ledger, book!));
    expect((await recomputePayouts(root, '--looks', '1')).code).toBe(0);

    const vouchers = join(root, 'client', 'vouchers');
    const path = join(vouchers, (await readdir(vouchers))[0]!);
    const voucher = JSON.parse(await readFile(path, 'utf8')) as { rate: string };
    await writeFile(path, JSON.stringify({ ...voucher, rate: `${BigInt(voucher.rate) + 1n}` }));
    const forged = await recomputePayouts(root, '--looks', '1');
    expect(forged.code).toBe(1);
    expect(forged.text).toContain('signed by');
  }, 30_000);
});
