import { equalBytes, nodeSigner, toHex } from '@palisade/core';
import { JOB_STATE } from '@palisade/market/schema';
import { describe, expect, it } from 'vitest';
import { collect, MIB, refusedWith, SECRET, spooled, useJobs } from '../../test/jobs-kit.ts';
import {
  formatPutState,
  formatVoucher,
  type PutProgress,
  type PutState,
  parsePutState,
} from './index.ts';

const kit = useJobs();

/** By then, another partner would have been tried again, ms. */
const LATE_MS = 300;

describe('put and get', () => {
  it('[C2V-1] stores with as many partners as wanted, and gets the same bytes back', async () => {
    const progress: PutProgress[] = [];
    const { job, bytes, partners } = await kit.store(5 * MIB + 3, 3, { progress });
    expect(partners).toHaveLength(3);
    expect(kit.network.chain.jobs.get(toHex(job))!.agreements.size).toBe(3);
    expect(progress[0]).toMatchObject({ step: 'confirmed', by: { weight: 20n, total: 40n } });
    expect(progress.filter(({ step }) => step === 'started')).toHaveLength(3);
    const file = await kit.market.get(job);
    expect(file.manifest).toMatchObject({ name: 'plan.txt', size: bytes.length });
    expect(equalBytes(await collect(file.bytes), bytes)).toBe(true);
  });

  it('waits for a partner that took a part of the content and is restarting', async () => {
    const progress: PutProgress[] = [];
    let awayUntil: number | undefined;
    for (const { server } of kit.network.partners)
      server.fault = () =>
        awayUntil !== undefined && kit.clock.nowMs() < awayUntil ? 'reset' : undefined;
    const onSent = (step: PutProgress) => {
      // Longer than the failures in a row that a partner may have that took nothing.
      if (step.step === 'uploading' && step.sent > 0 && !awayUntil)
        awayUntil = kit.clock.nowMs() + 800;
      return progress.push(step);
    };
    const file = await spooled(5 * MIB);
    const { sessions, maxRate } = await kit.market.quote({
      size: file.size,
      replicas: 1,
      durationMs: 1,
    });
    const wish = { ...file, replicas: 1, sessions, maxRate, patienceMs: 3000 };
    await kit.market.put({ ...wish, onProgress: onSent });
    expect(awayUntil).toBeGreaterThan(0);
    expect(progress.filter(({ step }) => step === 'partner-failed')).toEqual([]);
  });

  it('[C2V-2] does not count a confirmation that no active validator signed', async () => {
    const liar = nodeSigner(new Uint8Array(32).fill(55));
    for (const validator of kit.network.validators.slice(0, 2)) validator.voice = liar;
    const progress: PutProgress[] = [];
    await kit.store(10, 1, { progress });
    expect(progress[0]).toMatchObject({ step: 'confirmed', by: { validators: 2, weight: 20n } });
    const asked = kit.network.validators.filter(({ server }) =>
      server.seen.includes('POST /v1/jobs'),
    );
    expect(asked).toHaveLength(4);
  });

  it('[C2V-2] is not confirmed while a third of the weight is all that answers', async () => {
    for (const { server } of kit.network.validators.slice(1))
      server.fault = (path, method) =>
        method === 'POST' && path === '/v1/jobs' ? 'reset' : undefined;
    await expect(kit.store(10, 1)).rejects.toEqual(refusedWith('client/unreachable'));
  });

  it('[C2V-3] forwards to validators that only the list of another one named', async () => {
    await kit.store(10, 1);
    const reached = kit.network.validators.filter(({ server }) =>
      server.seen.includes('POST /v1/jobs'),
    );
    expect(reached.length).toBeGreaterThanOrEqual(2);
  });

  it('sends the outline before the bytes, and does without where a partner takes none', async () => {
    for (const partner of kit.network.partners.slice(1)) partner.takesOutlines = false;
    const { job, roots } = await kit.store(MIB, 4);
    const [first, ...others] = kit.network.partners.map(({ outlines }) => outlines.get(toHex(job)));
    expect(first).toEqual(roots);
    expect(others).toEqual([undefined, undefined, undefined]);
    const { seen } = kit.network.partners[0]!.server;
    const puts = seen
      .filter((line) => line.startsWith('PUT'))
      .map((line) => line.split('/').at(-1));
    expect(puts).toEqual(['outline', 'content']);
  });

  it('[P2V-5] goes on with another partner when one dies in the middle of the upload', async () => {
    const progress: PutProgress[] = [];
    const dying = kit.network.partners[0]!;
    let pieces = 0;
    dying.server.fault = (path, method) => {
      if (method === 'PUT') pieces++;
      return pieces > 1 && path.includes('agreements') ? 'reset' : undefined;
    };
    const { partners } = await kit.store(9 * MIB, 3, { progress });
    expect(partners.map(({ partner }) => toHex(partner))).not.toContain(toHex(dying.signer.id));
    expect(partners).toHaveLength(3);
    expect(progress).toContainEqual(
      expect.objectContaining({ step: 'partner-failed', partner: dying.signer.id }),
    );
    expect(dying.uploads.size).toBe(1);
  });

  it('[P2V-5] resumes an upload where the partner stands after lost answers', async () => {
    for (const { server } of kit.network.partners) {
      let lost = 0;
      server.fault = (_, method) => (method === 'PUT' && ++lost % 2 === 1 ? 'reset' : undefined);
    }
    const { job, bytes } = await kit.store(9 * MIB, 3);
    expect(equalBytes(await collect((await kit.market.get(job)).bytes), bytes)).toBe(true);
  });

  it('asks the same partners again when all of them were away for a moment', async () => {
    const failed = new Set<string>();
    const all = kit.network.partners.length;
    for (const { server } of kit.network.partners)
      server.fault = (_, method) => (method === 'PUT' && failed.size < all ? 'reset' : undefined);
    const file = await spooled(10);
    const { sessions, maxRate } = await kit.market.quote({
      size: 10,
      replicas: all,
      durationMs: 1,
    });
    const onProgress = (step: PutProgress) => {
      if (step.step === 'partner-failed') failed.add(toHex(step.partner));
    };
    const terms = { replicas: all, sessions, maxRate, patienceMs: 3000 };
    const { partners } = await kit.market.put({ ...file, ...terms, onProgress });
    expect([failed.size, partners.length]).toEqual([all, all]);
  });

  it('[P2V-5] does not believe the partner that never delivers: it takes everything and never starts', async () => {
    kit.network.partners[0]!.neverStarts = true;
    const { partners } = await kit.store(10, 3);
    expect(partners.map(({ partner }) => toHex(partner))).not.toContain(
      toHex(kit.network.partners[0]!.signer.id),
    );
  });

  it('[P2V-4.G1] finds the forged endpoint in a match, too, and asks another validator for it', async () => {
    const forger = nodeSigner(new Uint8Array(32).fill(77));
    for (const validator of kit.network.validators.slice(0, 3)) validator.forger = forger;
    const progress: PutProgress[] = [];
    await kit.store(10, 3, { progress });
    expect(progress.filter(({ step }) => step === 'partner-failed')).toEqual([]);
  });

  it('[C2V-5] passes over offers that the partner in them has not signed', async () => {
    kit.network.partners[1]!.voice = nodeSigner(new Uint8Array(32).fill(66));
    const { partners } = await kit.store(10, 3);
    expect(partners.map(({ partner }) => toHex(partner))).not.toContain(
      toHex(kit.network.partners[1]!.signer.id),
    );
  });

  it('[C2V-4.1] passes over offers of partners below the score that the client wants', async () => {
    for (const [i, score] of [444, 900, 419, 600].entries())
      kit.network.partners[i]!.standing = { score, receipts: 3, bond: '44' };
    kit.network.partners[1]!.direct = true;
    const file = await spooled(10);
    const { sessions, maxRate } = await kit.market.quote({ size: 10, replicas: 4, durationMs: 1 });
    const wish = { ...file, replicas: 2, sessions, maxRate, minScore: 500 };
    const { partners } = await kit.market.put(wish);
    const chosen = partners.map(({ partner }) => kit.partnerOf(partner).standing?.score);
    expect(chosen.sort()).toEqual([600, 900]);
  });

  it('says how many copies there are when offers run out, and the same put goes on later', async () => {
    const file = await spooled(5 * MIB);
    const states: PutState[] = [];
    const broken = kit.network.partners.slice(1);
    for (const { server } of broken)
      server.fault = (_, method) => (method === 'PUT' ? 'reset' : undefined);
    const { sessions, maxRate } = await kit.market.quote({
      size: file.size,
      replicas: 4,
      durationMs: 1,
    });
    const wish = { ...file, replicas: 2, sessions, maxRate, patienceMs: 1500 };
    const first = kit.market.put({ ...wish, onState: (state) => void states.push(state) });
    await expect(first).rejects.toMatchObject({
      code: 'client/too-few-partners',
      data: { found: 1, wanted: 2 },
    });
    for (const { server } of broken) server.fault = () => undefined;
    const state = parsePutState(formatPutState(states.at(-1)!));
    const { job, partners } = await kit.marketOf(SECRET).put({ ...wish, state });
    expect(toHex(job)).toBe(toHex(state.request!.job));
    expect(partners).toHaveLength(2);
    expect(kit.network.chain.jobs.size).toBe(1);
  });

  it('waits no longer for offers when the chain has ended the job, and nothing of it goes on', async () => {
    for (const { server } of kit.network.partners)
      server.fault = (_, method) => (method === 'PUT' ? 'reset' : undefined);
    const file = await spooled(1000);
    const { sessions, maxRate } = await kit.market.quote({
      size: 1000,
      replicas: 4,
      durationMs: 1,
    });
    const wish = { ...file, replicas: 2, sessions, maxRate, patienceMs: 60_000 };
    let isOver = false;
    const late: string[] = [];
    const { chain } = kit.network;
    const onProgress = ({ step }: PutProgress) => {
      if (isOver) late.push(step);
      if (step !== 'partner-failed') return;
      for (const entry of chain.jobs.values())
        entry.job = { ...entry.job, state: JOB_STATE.cancelled, reason: 'nobody came' };
    };
    const onState = () => void (isOver && late.push('state'));
    const put = kit.market.put({ ...wish, onState, onProgress });
    await expect(put).rejects.toMatchObject({
      code: 'client/job-over',
      message: expect.stringContaining('nobody came'),
    });
    isOver = true;
    await new Promise((resolve) => setTimeout(resolve, LATE_MS));
    expect(late).toEqual([]);
  });

  it('asks no further partner when one says that the job is over, and the chain says so, too', async () => {
    const file = await spooled(1000);
    const { sessions, maxRate } = await kit.market.quote({
      size: 1000,
      replicas: 4,
      durationMs: 1,
    });
    const wish = { ...file, replicas: 1, sessions, maxRate, patienceMs: 60_000 };
    let failures = 0;
    const { chain } = kit.network;
    const onProgress = ({ step }: PutProgress) => {
      if (step === 'partner-failed') failures++;
      if (step !== 'matched') return;
      for (const entry of chain.jobs.values())
        entry.job = { ...entry.job, state: JOB_STATE.cancelled, reason: 'it took too long' };
    };
    await expect(kit.market.put({ ...wish, onProgress })).rejects.toMatchObject({
      code: 'client/job-over',
      message: expect.stringContaining('it took too long'),
    });
    expect(failures).toBe(1);
  });

  it('a put that crashed after any step goes on to the same single job', async () => {
    const file = await spooled(2 * MIB);
    const { sessions, maxRate } = await kit.market.quote({
      size: file.size,
      replicas: 4,
      durationMs: 1,
    });
    const wish = { ...file, replicas: 2, sessions, maxRate, patienceMs: 3000 };
    let saved: PutState | undefined;
    for (let crash = 1; ; crash++) {
      let steps = 0;
      const onState = (state: PutState) => {
        saved = parsePutState(formatPutState(state));
        if (++steps === crash) throw new Error('crash');
      };
      const run = kit
        .marketOf(SECRET)
        .put({ ...wish, onState, ...(saved ? { state: saved } : {}) });
      const outcome = await run.catch((error: Error) => error);
      if (outcome instanceof Error) expect(outcome.message).toBe('crash');
      else break;
    }
    expect(kit.network.chain.jobs.size).toBe(1);
    expect([...kit.network.chain.jobs.values()][0]!.agreements.size).toBe(2);
  });

  it('refuses to resume with other bytes or another account', async () => {
    const file = await spooled(100);
    const other = await spooled(101);
    let state: PutState | undefined;
    const wish = { ...file, replicas: 1, sessions: 2, maxRate: 5000n, patienceMs: 3000 };
    const onState = (now: PutState) => {
      state = now;
    };
    await kit.market.put({ ...wish, onState });
    await expect(kit.market.put({ ...wish, spool: other.spool, state: state! })).rejects.toEqual(
      refusedWith('client/source-changed'),
    );
    const stranger = kit.marketOf(new Uint8Array(32).fill(8));
    await expect(stranger.put({ ...wish, state: state! })).rejects.toEqual(
      refusedWith('client/not-yours'),
    );
  });
});

describe('a voucher', () => {
  it('is written down before a partner has it: where it cannot be, none gets any', async () => {
    const kept: string[] = [];
    kit.market = kit.marketOf(SECRET, async (voucher) => {
      kept.push(JSON.parse(formatVoucher(voucher)).partner);
    });
    const { partners } = await kit.store(1000, 2);
    expect(kept.sort()).toEqual(partners.map(({ partner }) => toHex(partner)).sort());

    const held = () =>
      kit.network.partners.map(({ uploads, contents }) => [uploads.size, contents.size]);
    const before = held();
    kit.market = kit.marketOf(SECRET, () => Promise.reject(new Error('the disk is full')));
    await expect(kit.store(1001, 2)).rejects.toThrow('the disk is full');
    expect(held()).toEqual(before);
  });
});
