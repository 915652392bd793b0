import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '@palisade/client';
import { nodeSigner, type Opened, type ValueOf, verifyOpened } from '@palisade/core';
import { createMetrics, silentLogger } from '@palisade/daemon';
import { type ready, UTILITY } from '@palisade/market/schema';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { domain, FakeValidator } from '../../test/fake-validator.ts';
import { DEVELOPMENT_TIMING } from '../config.ts';
import { partnerMetrics } from '../metrics.ts';
import { Sequence } from '../records/sequence.ts';
import { Announcer, type Offer } from './announcer.ts';

let dir: string;
let validators: FakeValidator[];
let announcer: Announcer;
let offer: Offer;
let wall: number;
const watches = new Set<() => void>();
/** Time passes only when a test says so. */
function pass(ms: number): void {
  wall += ms;
  for (const moved of [...watches]) moved();
}
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'palisade-announce-'));
  validators = await Promise.all([1, 2].map((seed) => new FakeValidator(seed).start()));
  offer = {
    utility: UTILITY.storage,
    price: 5n,
    maxSize: 2 ** 38,
    maxSessions: 1095,
    freeBytes: 1000,
    freeSlots: 8,
    direct: false,
    reason: undefined,
  };
  wall = 1_000_000;
});
afterEach(async () => {
  await announcer.signOff('the end of the test');
  for (const validator of validators) await validator.stop().catch(() => {});
  await rm(dir, { recursive: true, force: true });
});

const signer = nodeSigner(new Uint8Array(32).fill(9));

async function start(timing: Partial<typeof DEVELOPMENT_TIMING> = {}) {
  announcer = new Announcer({
    env: environment(),
    domain,
    signer,
    url: 'http://partner.example:1',
    sequence: await Sequence.open(join(dir, 'sequence.json')),
    offer: () => offer,
    validators: () => validators.map(({ entry }) => entry),
    timing: { ...DEVELOPMENT_TIMING, retryMs: 10, stillActiveMs: 60_000, cooldownMs: 0, ...timing },
    clock: {
      nowMs: () => wall,
      onMove(moved) {
        watches.add(moved);
        return () => void watches.delete(moved);
      },
    },
    log: silentLogger,
    metrics: createMetrics(partnerMetrics, { process: false }),
  });
  await announcer.start();
}

const said = ({ announced }: FakeValidator) =>
  announced.map((opened) => (opened as Opened<ValueOf<typeof ready>>).value);

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !isSo(); ) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('READY', () => {
  it('[P2V-1] tells every validator what is offered, where, and for how long that holds', async () => {
    await start({ recordMs: 60_000 });
    await until(() => announcer.reached === 2);
    for (const validator of validators) {
      expect(verifyOpened(validator.announced[0]!)).toBeUndefined();
      expect(validator.announced[0]!.sender).toEqual(signer.id);
      expect(said(validator)).toEqual([
        {
          sequence: 1n,
          atMs: 1_000_000n,
          expiresMs: 1_060_000n,
          url: 'http://partner.example:1',
          utility: 1,
          price: 5n,
          maxSize: 1n << 38n,
          maxSessions: 1095,
          freeBytes: 1000n,
          freeSlots: 8,
          direct: 0,
          accepting: 1,
          reason: '',
        },
      ]);
    }
  });

  it('[P2V-1] says again that it is still active, each time with a higher sequence', async () => {
    await start({ stillActiveMs: 500 });
    for (const times of [2, 3]) {
      await until(() => watches.size === 1);
      pass(400);
      await until(() => watches.size === 1);
      pass(200);
      await until(() => said(validators[0]!).length === times);
    }
    expect(said(validators[0]!).map(({ sequence }) => sequence)).toEqual([1n, 2n, 3n]);
  });

  it('[P2V-1] goes on trying a validator that is away, while the others know', async () => {
    const { port } = new URL(validators[1]!.url);
    await validators[1]!.stop();
    await start();
    await until(() => announcer.reached === 1);
    const back = new FakeValidator(2);
    await back.start(Number(port));
    validators[1] = back;
    await until(() => announcer.reached === 2);
    expect(said(back)).toHaveLength(1);
  });

  it('[P2V-6] says that it is full, with the reason, and when there is room again', async () => {
    await start();
    offer = { ...offer, freeBytes: 0, reason: 'The disk has no room left.' };
    announcer.changed();
    await until(() => said(validators[0]!).length === 2);
    expect(said(validators[0]!)[1]).toMatchObject({
      accepting: 0,
      reason: 'The disk has no room left.',
    });
    offer = { ...offer, freeBytes: 500, reason: undefined };
    announcer.changed();
    await until(() => said(validators[0]!).length === 3);
    expect(said(validators[0]!)[2]).toMatchObject({ accepting: 1, freeBytes: 500n });
  });

  it('[P2V-6] pauses between changes, but not before it says that it is full', async () => {
    await start({ cooldownMs: 30_000 });
    pass(1000);
    offer = { ...offer, freeBytes: 900 };
    announcer.changed();
    offer = { ...offer, freeBytes: 0, reason: 'full' };
    announcer.changed();
    await until(() => said(validators[0]!).length === 2);
    expect(said(validators[0]!)[1]).toMatchObject({ accepting: 0 });
    offer = { ...offer, freeBytes: 900, reason: undefined };
    announcer.changed();
    announcer.changed();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(said(validators[0]!)).toHaveLength(2);
  });

  it('[P2V-6] says its old room again while the cool-down lasts, and is not full again before', async () => {
    await start({ cooldownMs: 30_000, stillActiveMs: 500 });
    offer = { ...offer, freeBytes: 0, reason: 'full' };
    announcer.changed();
    await until(() => said(validators[0]!).length === 2);
    offer = { ...offer, freeBytes: 900, reason: undefined };
    announcer.changed();
    wall += 600;
    await until(() => said(validators[0]!).length >= 3);
    expect(said(validators[0]!)[2]).toMatchObject({ accepting: 0, reason: 'full' });
    wall += 30_000;
    await until(() => said(validators[0]!).at(-1)!.accepting === 1);
    offer = { ...offer, freeBytes: 0, reason: 'full' };
    announcer.changed();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(said(validators[0]!).at(-1)).toMatchObject({ accepting: 1 });
  });

  it('[P2V-6] keeps the silence that a validator asks for, and says it then', async () => {
    const error = {
      code: 'market/shut-up',
      message: 'Hush.',
      retry: 'later',
      data: { seconds: 1 },
    };
    for (const validator of validators) validator.refusal = { status: 429, error };
    const began = performance.now();
    await start();
    await until(() => validators.every(({ refused }) => refused === 1));
    for (const validator of validators) validator.refusal = undefined;
    await until(() => announcer.reached === 2);
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  it('[P2V-7] signs off above its last READY, and says no more', async () => {
    await start();
    await until(() => announcer.reached === 2);
    await announcer.signOff('shutting down');
    for (const validator of validators)
      expect(validator.signedOff.map(({ value }) => value)).toEqual([
        { sequence: 2n, atMs: 1_000_000n, reason: 'shutting down' },
      ]);
    const before = said(validators[0]!).length;
    offer = { ...offer, freeBytes: 1 };
    announcer.changed();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(said(validators[0]!)).toHaveLength(before);
  });

  it('[P2V-1] does not count a validator that acknowledges something else', async () => {
    validators[1]!.acknowledges = new Uint8Array(32).fill(3);
    await start();
    await until(() => announcer.reached === 1 && said(validators[1]!).length > 1);
    validators[1]!.acknowledges = undefined;
    await until(() => announcer.reached === 2);
  });

  it('[P2V-1] goes above the sequence that validators know when its own was lost', async () => {
    const error = {
      code: 'market/old-ready',
      message: 'Sequence 1 is older than 41.',
      retry: 'never',
      data: { sequence: '41' },
    };
    for (const validator of validators) validator.refusal = { status: 400, error };
    const begun = start();
    await begun;
    setTimeout(() => {
      for (const validator of validators) validator.refusal = undefined;
    }, 60);
    await until(() => announcer.reached === 2);
    expect(said(validators[0]!).at(-1)!.sequence).toBeGreaterThan(41n);
  });

  it('[P2V-1] shortens a reason to what the message holds', async () => {
    offer = { ...offer, reason: 'ä'.repeat(300) };
    await start();
    await until(() => announcer.reached === 2);
    expect(Buffer.byteLength(said(validators[0]!)[0]!.reason)).toBeLessThanOrEqual(120);
  });
});
