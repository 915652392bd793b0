/** Time of a development network: moved on, kept, taken back. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { memorySpool, spoolFile } from '@palisade/client';
import { toHex } from '@palisade/core';
import { DEVELOPMENT_TIMING, knock } from '@palisade/devnet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recomputePayouts } from './recompute-payouts.ts';
import { type StoryNetwork, storyNetwork } from './story-network.ts';

/** Long enough for both to be alive to the end of the test: three sessions are skipped. */
const TERM_SESSIONS = 5;
const BYTES = new Uint8Array(100_000).fill(7);

let story: StoryNetwork;
beforeAll(async () => {
  story = await storyNetwork({ ...DEVELOPMENT_TIMING, blockTimeMs: 200, guardMs: 30 });
});
afterAll(() => story.close());

async function ask(action: string, params: Record<string, string> = {}) {
  const steps: unknown[] = [];
  const answer = knock(story.root, action, params);
  for (;;) {
    const { done, value } = await answer.next();
    if (done) return { steps, result: value as { height: string; timeMs: string } };
    steps.push(value);
  }
}

async function paid(job: Uint8Array): Promise<readonly number[]> {
  const view = await story.chain.job(job);
  return view!.agreements.map(({ agreement }) => agreement.answered);
}

async function bytesOf(job: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of (await story.market.get(job)).bytes) parts.push(part);
  return Buffer.concat(parts);
}

it('[ENG, V2V-5] sessions are lived through at once, with every audit answered; a snapshot takes all of it back', async () => {
  const { market, chain, root } = story;
  const manifest = { name: 'kept.bin', kind: 'file' as const, size: BYTES.length };
  const { ownerSecret } = story;
  const stream = (async function* () {
    yield BYTES;
  })();
  const spooled = await spoolFile(stream, manifest, { ownerSecret }, memorySpool);
  const wish = { size: spooled.size, replicas: 3, durationMs: 1 };
  const { maxRate } = await market.quote(wish);
  const terms = { replicas: 3, sessions: TERM_SESSIONS, maxRate };
  const { job } = await market.put({ ...spooled, ...terms });
  const before = { paid: await paid(job), session: (await chain.session()).number };

  await ask('snapshot', { name: 'stored' });
  expect(await paid(job)).toEqual(before.paid);

  const { timeMs: began } = await chain.status();
  const sessionMs = DEVELOPMENT_TIMING.sessionMs;
  const { steps, result } = await ask('warp', { ms: `${3 * sessionMs}` });
  expect(Number(result.timeMs) - Number(began)).toBeGreaterThanOrEqual(3 * sessionMs);
  expect(steps.length).toBeGreaterThanOrEqual(3);
  expect(steps).toEqual(steps.map(() => expect.objectContaining({ open: 0 })));
  const after = await chain.session();
  expect(after.number).toBe(before.session + 3n);
  expect(Math.min(...(await paid(job)))).toBeGreaterThanOrEqual(2);
  expect(await bytesOf(job)).toEqual(Buffer.from(BYTES));

  const back = await ask('revert', { name: 'stored' });
  expect(Number(back.result.height)).toBeLessThan(Number(result.height));
  expect((await chain.session()).number).toBe(before.session);
  expect(await paid(job)).toEqual(before.paid);
  expect(await bytesOf(job)).toEqual(Buffer.from(BYTES));
  const clock = JSON.parse(await readFile(join(root, 'clock.json'), 'utf8'));
  expect(clock.aheadMs).toBe(0);

  // What was taken back can be lived through again.
  await ask('warp', { ms: `${(TERM_SESSIONS + 1) * sessionMs}` });
  await expect.poll(async () => (await chain.job(job))!.job.state).toBe(3);

  // Meanwhile the first payout file has moved to partners: it is found again, and adds up.
  const { archive, rows } = (await chain.payout(before.session))!;
  expect(archive).toBeDefined();
  expect(rows.filter((row) => toHex(row.job) === toHex(job))).toHaveLength(3);
  const recomputed = await recomputePayouts(root);
  expect(recomputed.code, recomputed.text).toBe(0);
});

it('what cannot be is said, and only the owner of the folder is let in', async () => {
  await expect(ask('revert', { name: 'nothing' })).rejects.toMatchObject({
    code: 'devnet/no-snapshot',
    next: 'There are: stored.',
  });
  await expect(ask('snapshot', { name: '../up' })).rejects.toMatchObject({
    code: 'devnet/bad-snapshot-name',
  });
  await expect(ask('snapshot', { name: 'stored' })).rejects.toMatchObject({
    code: 'devnet/snapshot-exists',
  });
  await expect(ask('warp', { ms: '-1' })).rejects.toMatchObject({ code: 'devnet/bad-duration' });
  await expect(ask('dance')).rejects.toMatchObject({ code: 'devnet/unknown' });
  const { url } = JSON.parse(await readFile(join(story.root, 'control.json'), 'utf8'));
  expect((await fetch(`${url}/snapshots`, { method: 'POST' })).status).toBe(401);
  expect((await story.chain.status()).height).toBeGreaterThan(0n);
});
