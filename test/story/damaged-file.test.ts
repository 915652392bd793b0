/** A partner that lost a file, or has one that changed, is found by its audits and not paid for it. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChainEvent, memorySpool, spoolFile } from '@palisade/client';
import { fromHex, leafCount, toHex, windowsToDetect } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { challenge, ROW_STATUS } from '@palisade/market/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recomputePayouts } from './recompute-payouts.ts';
import { type StoryNetwork, storyNetwork } from './story-network.ts';

const TIMING = { blockTimeMs: 200, sessionMs: 4000, guardMs: 30 };
/** Bytes of the file: sealed it has few leaves more than an audit asks for, so that one bad leaf is found soon. */
const FILE_BYTES = 8 * 1024;
/** Audits ask for so many leaves (spec/market.md, section 7). */
const SAMPLES = 8;
/** 99.9999 %, in parts per million. */
const CONFIDENCE = 999_999;
/** Misses in a row that end an agreement. */
const MISSES = 3;
const REPLICAS = 3;

type Miss = { job: string; partner: string; session: string; seed: string; leaves: string[] };

let net: StoryNetwork;
beforeAll(async () => {
  net = await storyNetwork(TIMING);
});
afterAll(() => net.close());

describe('a damaged file', () => {
  it('[P2V-5] is found in as many audits as the odds say; nothing is paid for it, and three misses end the agreement while the job goes on', async () => {
    const { job, size } = await store();
    const id = toHex(job);
    const jobEvents = net.chain.events({ topics: ['market.'], from: 1n });
    const watch = new Watch(jobEvents, id);
    await watch.until(() => watch.paid.length === REPLICAS);

    const [gone, flipped, sound] = [...new Set(watch.paid.map(({ partner }) => partner))];
    await rm(await dataOf(gone!));
    await flipByte(await dataOf(flipped!), 5000);
    const damagedIn = Number((await net.chain.session()).number);

    await watch.until(() => watch.ended.length === 2);
    const leaves = leafCount(size);
    for (const [partner, missing] of [
      [gone!, leaves],
      [flipped!, 1],
    ] as const) {
      const misses = watch.missed.filter((miss) => miss.partner === partner);
      const bound = windowsToDetect(missing, leaves, SAMPLES, CONFIDENCE)!;
      // The session that ran when it was damaged may have been answered before.
      expect(Number(misses[0]!.session)).toBeLessThanOrEqual(damagedIn + bound);
      const last = misses.slice(-MISSES).map(({ session }) => Number(session));
      expect(last).toEqual([last[0], last[0]! + 1, last[0]! + 2]);
      for (const miss of misses) {
        const { randomness } = await net.chain.session(BigInt(miss.session));
        expect(miss.seed).toBe(toHex(randomness));
        const asked = challenge(fromHex(miss.seed), job, fromHex(partner), BigInt(size), SAMPLES);
        expect(miss.leaves.map(Number)).toEqual(asked);
        expect(await rowOf(miss.session, id, partner)).toMatchObject({
          amount: 0n,
          status: ROW_STATUS.missed,
        });
        const paid = watch.paid.filter((one) => one.partner === partner);
        expect(paid.map(({ session }) => session)).not.toContain(miss.session);
      }
      const end = watch.ended.find((one) => one.partner === partner);
      expect(end?.reason).toBe('3 audits missed in a row');
    }

    const before = watch.paid.length;
    await watch.until(() => watch.paid.length > before);
    expect(watch.paid.at(-1)!.partner).toBe(sound);
    expect(watch.missed.filter(({ partner }) => partner === sound)).toEqual([]);
    expect((await net.chain.job(job))!.job).toMatchObject({ active: 1, reason: '' });
    const recomputed = await recomputePayouts(net.root);
    expect(recomputed.code, recomputed.text).toBe(0);
  });
});

/** Stores a file with three partners for a long time. */
async function store(): Promise<{ job: Uint8Array; size: number }> {
  const bytes = new Uint8Array(FILE_BYTES).map((_, i) => (i * 31) % 251);
  async function* source() {
    yield bytes;
  }
  const manifest = { name: 'kept.bin', kind: 'file' as const, size: bytes.length };
  const { ownerSecret } = net;
  const spooled = await spoolFile(source(), manifest, { ownerSecret }, memorySpool);
  const wish = { size: spooled.size, replicas: REPLICAS, durationMs: 40 * TIMING.sessionMs };
  const { sessions, maxRate } = await net.market.quote(wish);
  const { job } = await net.market.put({ ...spooled, replicas: REPLICAS, sessions, maxRate });
  return { job, size: spooled.size };
}

/** What happens to a job, gathered from the chain's events. */
class Watch {
  readonly paid: { partner: string; session: string; amount: string }[] = [];
  readonly missed: Miss[] = [];
  readonly ended: { partner: string; reason: string }[] = [];
  readonly #events: AsyncIterator<ChainEvent>;
  readonly #job: string;

  constructor(events: AsyncIterable<ChainEvent>, job: string) {
    this.#events = events[Symbol.asyncIterator]();
    this.#job = job;
  }

  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      const { value } = await this.#events.next();
      const { name, data } = value as ChainEvent;
      if ((data as { job?: string }).job !== this.#job) continue;
      if (name === 'market.partner-paid') this.paid.push(data as never);
      if (name === 'market.audit-missed') this.missed.push(data as never);
      if (name === 'market.agreement-ended') this.ended.push(data as never);
    }
  }
}

/** The file in which a partner keeps the one content that it has. */
async function dataOf(partner: string): Promise<string> {
  const { partners } = net.devnet.network;
  const at = partners.findIndex(
    ({ nodeSecret }) => toHex(ed25519.publicKey(nodeSecret)) === partner,
  );
  const contents = join(net.root, `partner-${at + 1}`, 'content', 'contents');
  return net.onlyFile(contents, 'data');
}

async function flipByte(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, at);
  await file.write(Uint8Array.of(byte[0]! ^ 0xff), 0, 1, at);
  await file.close();
}

async function rowOf(session: string, job: string, partner: string) {
  const payout = await net.chain.payout(BigInt(session));
  return payout?.rows.find((row) => toHex(row.job) === job && toHex(row.partner) === partner);
}
