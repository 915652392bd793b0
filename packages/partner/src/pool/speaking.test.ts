/** What a partner says to validators beside READY: thanks for notices, questions for work, reports. */
import { environment } from '@palisade/client';
import { nodeSigner, type ValueOf } from '@palisade/core';
import { createMetrics, silentLogger } from '@palisade/daemon';
import { type match, NO_WORK, ready } from '@palisade/market/schema';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { domain, FakeValidator } from '../../test/fake-validator.ts';
import { DEVELOPMENT_TIMING } from '../config.ts';
import { partnerMetrics } from '../metrics.ts';
import { Acknowledger } from './acknowledger.ts';
import { ConnectReports } from './connect-reports.ts';
import { WorkSeeker } from './work-seeker.ts';

const partner = nodeSigner(new Uint8Array(32).fill(9));
const job = new Uint8Array(32).fill(4);
const log = silentLogger;
let validators: FakeValidator[];
let stops: (() => Promise<void>)[];
beforeEach(async () => {
  validators = await Promise.all([1, 2].map((seed) => new FakeValidator(seed).start()));
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  for (const validator of validators) await validator.stop();
});

const base = { env: environment(), domain, signer: partner, log };
const clock = { nowMs: () => Date.now() };

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !isSo(); ) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('acknowledging', () => {
  it('[P2V-2] thanks the validator that told of a job, naming it and the block', async () => {
    const acknowledger = new Acknowledger(base);
    stops.push(() => acknowledger.stop());
    const [first, second] = validators as [FakeValidator, FakeValidator];
    for (let i = 0; i < 20; i++)
      acknowledger.add({ validator: first.entry, job, height: BigInt(i) });
    await until(() => first.acknowledged.length === 20);
    expect(first.acknowledged[0]).toMatchObject({
      sender: partner.id,
      value: { job, validator: first.signer.id, height: 0n },
    });
    expect(second.acknowledged).toEqual([]);
  });
});

describe('asking for work', () => {
  let taken: Uint8Array[];
  let lastNoticeMs: number;
  let isOpen: boolean;
  function seek() {
    taken = [];
    const seeker = new WorkSeeker({
      ...base,
      clock,
      metrics: createMetrics(partnerMetrics, { process: false }),
      timing: { ...DEVELOPMENT_TIMING, workMs: 20 },
      validators: () => validators.map(({ entry }) => entry),
      lastNoticeMs: () => lastNoticeMs,
      isOpen: () => isOpen,
      take: async (notice) => void taken.push(notice),
    });
    stops.push(() => seeker.stop());
    seeker.start();
    return seeker;
  }
  beforeEach(() => {
    lastNoticeMs = 0;
    isOpen = true;
  });

  it('[P2V-2.G1] asks those that answer for it after a quiet time, and keeps the reason', async () => {
    for (const validator of validators) validator.reason = NO_WORK.noDemand;
    const seeker = seek();
    await until(() => validators.every(({ asked }) => asked >= 2));
    expect(seeker.last).toMatchObject({ reason: NO_WORK.noDemand, jobs: 0 });
  });

  it('[P2V-2.G1] takes the work that it is given', async () => {
    validators[1]!.work = [new Uint8Array([7])];
    seek();
    await until(() => taken.length > 0);
    expect(taken[0]).toEqual(new Uint8Array([7]));
  });

  it('[P2V-2.G1] does not believe a reason that the validator has not signed', async () => {
    for (const validator of validators) validator.voice = partner;
    const seeker = seek();
    await until(() => validators.every(({ asked }) => asked >= 2));
    expect(seeker.last).toBeUndefined();
  });

  it('[P2V-2] asks nobody while notices come, or while it is full', async () => {
    lastNoticeMs = Date.now() + 60_000;
    const quiet = seek();
    isOpen = false;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(validators.map(({ asked }) => asked)).toEqual([0, 0]);
    await quiet.stop();
    lastNoticeMs = 0;
    seek();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(validators.map(({ asked }) => asked)).toEqual([0, 0]);
  });
});

describe('connection reports', () => {
  const client = new Uint8Array(20).fill(3);
  async function expectClient(untilMs: number) {
    const own = {
      sequence: 17n,
      atMs: 0n,
      expiresMs: 1n,
      url: 'http://p.example',
      utility: 1,
      price: 1n,
      maxSize: 1n,
      maxSessions: 1,
      freeBytes: 1n,
      freeSlots: 1,
      direct: 0,
      accepting: 1,
      reason: '',
    };
    const words: ValueOf<typeof match> = {
      job,
      client,
      partner: partner.id,
      rate: 1n,
      ready: await validators[0]!.sign(ready, own, partner),
    };
    const reports = new ConnectReports({ ...base, clock });
    stops.push(() => reports.stop());
    const [first, second] = validators as [FakeValidator, FakeValidator];
    reports.expect(words, first.entry, untilMs);
    reports.expect(words, second.entry, untilMs);
    return reports;
  }

  it('[P2V-4.G1] says to the validator that made the match that its client came, once', async () => {
    const reports = await expectClient(Date.now() + 60_000);
    reports.sweep();
    reports.came(job);
    reports.came(job);
    await until(() => validators[0]!.reports.length === 1);
    expect(validators[0]!.reports[0]!.value).toEqual({ job, client, ok: 1, sequence: 17n });
    expect(validators[1]!.reports).toEqual([]);
  });

  it('[P2V-4.G1] says that nobody came when the time for it is over', async () => {
    const reports = await expectClient(Date.now() - 1);
    reports.sweep();
    await until(() => validators[0]!.reports.length === 1);
    expect(validators[0]!.reports[0]!.value).toMatchObject({ ok: 0 });
    reports.came(job);
    expect(validators[0]!.reports).toHaveLength(1);
  });
});
