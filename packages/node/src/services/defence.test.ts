/** Complaints about validators of a running node: what they can show, they show by themselves. */
import { fromHex, nodeSigner } from '@palisade/core';
import { complain, noticeAck, signOff } from '@palisade/market';
import { afterEach, describe, expect, it } from 'vitest';
import { type Cleanup, startPool, type TestPool } from '../../test/pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A partner that one of its validators knows, and that may take work. */
async function begin() {
  const pool = await startPool(cleanups);
  await pool.produce();
  const partner = pool.partner(0);
  await partner.bond();
  const [url] = (await pool.answering(partner.key)).responsible;
  const { envelope, body } = await partner.ready({}, url);
  const place = pool.urls.indexOf(url!);
  const validator = nodeSigner(pool.network.validators[place]!.nodeSecret).id;
  const heard = { ready: envelope, acknowledgement: fromHex(body.acknowledgement!) };
  return { pool, partner, url: url!, validator, heard };
}

/** Complains about a job, whatever is true; answers with what the chain says of it at last. */
async function accuse(
  { pool, partner, validator, heard }: Awaited<ReturnType<typeof begin>>,
  job: string,
) {
  pool.time.nowMs += 3000;
  // A block's time is what its voters saw when they voted on the one before.
  await pool.produce(2);
  const value = { job: fromHex(job), validator, ...heard, nonce: 1n, maxFee: 10n ** 18n };
  const { status } = await partner.say('/v1/transactions', complain, value);
  expect(status).toBe(202);
  await pool.produce(3);
  return reasons(pool);
}

async function reasons(pool: TestPool): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  const { height } = (await pool.node.engine.status()) as { height: bigint };
  for (let at = 1n; at <= height; at++)
    for (const { events } of (await pool.node.engine.blockResults(at))!.txResults)
      for (const { type, attributes } of events)
        if (type === 'market.complaint-dismissed')
          found.push(attributes.find(({ key }) => key === 'reason')?.value);
  return found;
}

async function told({ pool, partner, url, validator }: Awaited<ReturnType<typeof begin>>) {
  const job = await pool.job();
  const words = { job: fromHex(job), validator, height: 3n };
  const thanks = await partner.say('/v1/notices/acknowledgements', noticeAck, words, url);
  expect(thanks.status).toBe(202);
  return job;
}

describe('a validator that is accused', () => {
  it('[P2V-2.G1] shows the acknowledgement of its notice: the fake complaint is dismissed', async () => {
    const scene = await begin();
    const job = await told(scene);
    expect(await accuse(scene, job)).toEqual(['was-told']);
  });

  it('[P2V-6] shows that the partner had become full, though it has room again', async () => {
    const scene = await begin();
    const { pool, partner, url } = scene;
    await partner.ready({ accepting: 0, reason: 'full' }, url);
    const job = await pool.job();
    pool.time.nowMs += 4000;
    await partner.ready({}, url);
    expect(await accuse(scene, job)).toEqual(['took-no-work']);
  });

  it('[P2V-7] shows that the partner had signed off', async () => {
    const scene = await begin();
    const { pool, partner, url } = scene;
    const last = { sequence: partner.next(), atMs: BigInt(pool.time.nowMs), reason: 'home' };
    await partner.say('/v1/partners/sign-off', signOff, last, url);
    const job = await pool.job();
    expect(await accuse(scene, job)).toEqual(['signed-off']);
  });

  it('[P2V-2.G1] that told nothing has nothing to show', async () => {
    const scene = await begin();
    const job = await scene.pool.job();
    expect(await accuse(scene, job)).toEqual([]);
  });
});
