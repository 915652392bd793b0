/** The main job of the whole network, through the client's library and real sockets. */
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { memorySpool, spoolFile } from '@palisade/client';
import { concat, decode, fromHex, toHex, u64be, utf8 } from '@palisade/core';
import { payoutSummary, readPayoutFile } from '@palisade/market/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recomputePayouts } from './recompute-payouts.ts';
import { type StoryNetwork, storyNetwork } from './story-network.ts';

const TIMING = { blockTimeMs: 200, sessionMs: 6000, guardMs: 50 };
const REPLICAS = 3;
let net: StoryNetwork;
let job: Uint8Array;

beforeAll(async () => {
  net = await storyNetwork(TIMING);
});
afterAll(() => net.close());

/** Follows the chain until all partners of the job are paid for one session, from `from` on. */
async function paidSession(from: bigint): Promise<readonly bigint[]> {
  const bySession = new Map<string, bigint[]>();
  for await (const event of net.chain.events({ topics: ['market.partner-paid'], from: 1n })) {
    const data = event.data as { job: string; session: string; amount: string };
    if (data.job !== toHex(job) || BigInt(data.session) < from) continue;
    const amounts = [...(bySession.get(data.session) ?? []), BigInt(data.amount)];
    bySession.set(data.session, amounts);
    if (amounts.length === REPLICAS) return amounts;
  }
  throw new Error('the events ended');
}

describe('the main job', () => {
  it('[C2V-1, C2V-2, C2V-4, C2V-5, P2V-1, P2V-2, P2V-3, P2V-4, P2V-5] stores a real file with three partners, who prove it and are paid', async () => {
    const { market, ownerSecret, devnet, root } = net;
    const bytes = await readFile(new URL('../../package-lock.json', import.meta.url));
    async function* source() {
      yield new Uint8Array(bytes);
    }
    const spooled = await spoolFile(
      source(),
      { name: 'package-lock.json', kind: 'file', size: bytes.length },
      { ownerSecret },
      memorySpool,
    );
    const wish = { size: spooled.size, replicas: REPLICAS, durationMs: 12_000 };
    const { sessions, maxRate } = await market.quote(wish);
    ({ job } = await market.put({ ...spooled, replicas: REPLICAS, sessions, maxRate }));
    const got = await market.get(job);
    const parts: Uint8Array[] = [];
    for await (const part of got.bytes) parts.push(part);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);

    const paid = await paidSession(0n);
    expect(paid.every((amount) => amount > 0n && amount <= maxRate)).toBe(true);

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
      const sum = ['balances', 'holds', 'escrow', 'feePot', 'archive', 'burned'].reduce(
        (a, key) => a + BigInt(line[key]!),
        0n,
      );
      expect(sum).toBe(BigInt(line.genesis!) + BigInt(line.minted!));
    }
  });

  it('[V2V-5] has its rows in a payout file that any validator gives, under the root and content id that are proven', async () => {
    const { chain, devnet } = net;
    const session = (await chain.session()).number - 1n;
    const key = toHex(concat(utf8('payout/'), u64be(session)));
    const proof = await fetch(`${devnet.urls[0]}/v1/proof/payouts/${key}`);
    const { value } = (await proof.json()) as { value: string };
    // A stored record begins with its version.
    const record = decode(payoutSummary, fromHex(value).subarray(1));
    const { rows } = (await chain.payout(session))!;
    expect(rows.length).toBeGreaterThanOrEqual(REPLICAS);
    for (const url of devnet.urls) {
      const answer = await fetch(`${url}/v1/payout-files/${session}`);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      expect(answer.headers.get('content-length')).toBe(`${bytes.length}`);
      expect(readPayoutFile(bytes, record)).toEqual(rows);
    }
    const open = await fetch(`${devnet.urls[0]}/v1/payout-files/${session + 1000n}`);
    expect(open.status).toBe(404);
  });

  it('[P2V-5] goes on by newer vouchers when it is renewed, and the payments still follow from the disks', async () => {
    const { prolonged } = await net.market.renew(job, 2);
    expect(prolonged).toHaveLength(REPLICAS);
    await paidSession((await net.chain.session()).number);
    const recomputed = await recomputePayouts(net.root);
    expect(recomputed.code, recomputed.text).toBe(0);
    // A partner keeps the voucher in force, the client all that it signed.
    expect(JSON.parse(recomputed.text)).toMatchObject({ vouchers: 6, vouchersOnBothDisks: 3 });
  });

  it('[P2V-5] is not explained by disks that lack an answer, or by a voucher that the client did not sign', async () => {
    const { root } = net;
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
  });
});
