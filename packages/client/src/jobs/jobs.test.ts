import {
  accountSigner,
  catalogue,
  concat,
  equalBytes,
  nodeSigner,
  type Opened,
  open,
  PalisadeError,
  toHex,
} from '@palisade/core';
import { acknowledgement, cancel, complete, JOB_STATE, UTILITY } from '@palisade/market/schema';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FairClock } from '../../test/fair-clock.ts';
import { FakeNetwork } from '../../test/fake-network.ts';
import { connect } from '../base/index.ts';
import type { Manifest } from '../content/index.ts';
import {
  type Account,
  formatPutState,
  formatVoucher,
  type MarketClient,
  memorySpool,
  openMarket,
  type PutProgress,
  type PutState,
  parsePutState,
  spoolFile,
} from './index.ts';

const SECRET = new Uint8Array(32).fill(7);
const MIB = 1024 * 1024;
const policy = { attempts: 4, timeoutMs: 400, pauseMs: 5 };

let network: FakeNetwork;
/** All is in this process. */
const clock = new FairClock();
afterAll(() => clock.stop());
let market: MarketClient;
beforeEach(async () => {
  network = await FakeNetwork.start(4);
  market = marketOf(SECRET);
});
afterEach(() => network.stop());

function marketOf(secret: Uint8Array, keepVoucher?: Account['keepVoucher']): MarketClient {
  // Without chance, partners are read from in the order in which the chain lists them.
  const environment = { ...clock.environment, random: () => 0 };
  const chain = connect({ urls: [network.urls[0]!], policy, environment });
  const account = { signer: accountSigner(secret), ownerSecret: secret };
  return openMarket(chain, { ...account, ...(keepVoucher ? { keepVoucher } : {}) });
}

const bytesOf = (size: number) =>
  Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 9)) % 251);

async function* stream(bytes: Uint8Array) {
  yield bytes;
}

async function spooled(size: number) {
  const bytes = bytesOf(size);
  const manifest: Manifest = { name: 'plan.txt', kind: 'file', size };
  return {
    bytes,
    ...(await spoolFile(stream(bytes), manifest, { ownerSecret: SECRET }, memorySpool)),
  };
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return concat(...parts);
}

async function store(size: number, replicas = 3, progress: PutProgress[] = []) {
  const file = await spooled(size);
  const { sessions, maxRate } = await market.quote({ size: file.size, replicas: 4, durationMs: 1 });
  const result = await market.put({
    ...file,
    replicas,
    sessions,
    maxRate,
    patienceMs: 3000,
    onProgress: (step) => progress.push(step),
  });
  return { ...file, ...result };
}

const refusedWith = (code: string) => expect.objectContaining({ code });
const partnerOf = (key: Uint8Array) =>
  network.partners.find(({ signer }) => equalBytes(signer.id, key))!;

describe('a quote', () => {
  it('[C2V-4.1] is the escrow at the dearest partner needed, and names the only fee', async () => {
    const quote = await market.quote({ size: 3 * MIB, replicas: 2, durationMs: 120_000 });
    expect(quote).toMatchObject({ sessions: 3, maxRate: 3n * 1001n, escrow: 2n * 3n * 3n * 1001n });
    expect(quote.partners.map(({ rate }) => rate)).toEqual([3000n, 3003n, 3006n, 3009n]);
    expect(quote.fee).toBeGreaterThan(network.chain.params.feeBase);
  });

  it('[C2V-4.1] leaves out partners above the price that the client allows, and says so', async () => {
    const wish = { size: 1, replicas: 2, durationMs: 1, maxPrice: 1001n };
    expect((await market.quote(wish)).partners).toHaveLength(2);
    await expect(market.quote({ ...wish, replicas: 3 })).rejects.toMatchObject({
      code: 'client/too-few-partners',
      data: { found: 2, known: 4 },
    });
  });

  it('[C2V-4.1] leaves out partners below the score that the client wants, and those of unknown score', async () => {
    for (const [i, score] of [444, 900, 419].entries())
      network.partners[i]!.standing = { score, receipts: 3, bond: '44' };
    const wish = { size: 1, replicas: 1, durationMs: 1 };
    expect((await market.quote(wish)).partners).toHaveLength(4);
    const { partners } = await market.quote({ ...wish, minScore: 420 });
    expect(partners.map(({ partner }) => partner.standing)).toEqual([
      { score: 444, receipts: 3, bond: 44n },
      { score: 900, receipts: 3, bond: 44n },
    ]);
    const refused = market.quote({ ...wish, minScore: 901 });
    await expect(refused).rejects.toMatchObject({
      data: {
        reasons: expect.arrayContaining([
          expect.stringContaining('scores 900, below 901'),
          expect.stringContaining('has no score that is known'),
        ]),
      },
    });
  });

  it('[P2V-4, P2V-4.G1] believes a partner only what it has signed itself, and the forged endpoint to nobody', async () => {
    const board = network.validators.map(({ server }) => server);
    const forged = nodeSigner(new Uint8Array(32).fill(77));
    Object.assign(network.partners[0]!, {
      signer: { ...network.partners[0]!.signer, sign: forged.sign },
    });
    expect(board).toHaveLength(4);
    const { partners } = await market.quote({ size: 1, replicas: 1, durationMs: 1 });
    expect(partners).toHaveLength(3);
  });
});

describe('put and get', () => {
  it('[C2V-1] stores with as many partners as wanted, and gets the same bytes back', async () => {
    const progress: PutProgress[] = [];
    const { job, bytes, partners } = await store(5 * MIB + 3, 3, progress);
    expect(partners).toHaveLength(3);
    expect(network.chain.jobs.get(toHex(job))!.agreements.size).toBe(3);
    expect(progress[0]).toMatchObject({ step: 'confirmed', by: { weight: 20n, total: 40n } });
    expect(progress.filter(({ step }) => step === 'started')).toHaveLength(3);
    const file = await market.get(job);
    expect(file.manifest).toMatchObject({ name: 'plan.txt', size: bytes.length });
    expect(equalBytes(await collect(file.bytes), bytes)).toBe(true);
  });

  it('waits for a partner that took a part of the content and is restarting', async () => {
    const progress: PutProgress[] = [];
    let awayUntil: number | undefined;
    for (const { server } of network.partners)
      server.fault = () =>
        awayUntil !== undefined && clock.nowMs() < awayUntil ? 'reset' : undefined;
    const onSent = (step: PutProgress) => {
      // Longer than the failures in a row that a partner may have that took nothing.
      if (step.step === 'uploading' && step.sent > 0 && !awayUntil) awayUntil = clock.nowMs() + 800;
      return progress.push(step);
    };
    const file = await spooled(5 * MIB);
    const { sessions, maxRate } = await market.quote({
      size: file.size,
      replicas: 1,
      durationMs: 1,
    });
    const wish = { ...file, replicas: 1, sessions, maxRate, patienceMs: 3000 };
    await market.put({ ...wish, onProgress: onSent });
    expect(awayUntil).toBeGreaterThan(0);
    expect(progress.filter(({ step }) => step === 'partner-failed')).toEqual([]);
  });

  it('[C2V-2] does not count a confirmation that no active validator signed', async () => {
    const liar = nodeSigner(new Uint8Array(32).fill(55));
    for (const validator of network.validators.slice(0, 2)) validator.voice = liar;
    const progress: PutProgress[] = [];
    await store(10, 1, progress);
    expect(progress[0]).toMatchObject({ step: 'confirmed', by: { validators: 2, weight: 20n } });
    const asked = network.validators.filter(({ server }) => server.seen.includes('POST /v1/jobs'));
    expect(asked).toHaveLength(4);
  });

  it('[C2V-2] is not confirmed while a third of the weight is all that answers', async () => {
    for (const { server } of network.validators.slice(1))
      server.fault = (path, method) =>
        method === 'POST' && path === '/v1/jobs' ? 'reset' : undefined;
    await expect(store(10, 1)).rejects.toEqual(refusedWith('client/unreachable'));
  });

  it('[C2V-3] forwards to validators that only the list of another one named', async () => {
    await store(10, 1);
    const reached = network.validators.filter(({ server }) =>
      server.seen.includes('POST /v1/jobs'),
    );
    expect(reached.length).toBeGreaterThanOrEqual(2);
  });

  it('sends the outline before the bytes, and does without where a partner takes none', async () => {
    for (const partner of network.partners.slice(1)) partner.takesOutlines = false;
    const { job, roots } = await store(MIB, 4);
    const [first, ...others] = network.partners.map(({ outlines }) => outlines.get(toHex(job)));
    expect(first).toEqual(roots);
    expect(others).toEqual([undefined, undefined, undefined]);
    const { seen } = network.partners[0]!.server;
    const puts = seen
      .filter((line) => line.startsWith('PUT'))
      .map((line) => line.split('/').at(-1));
    expect(puts).toEqual(['outline', 'content']);
  });

  it('[P2V-5] goes on with another partner when one dies in the middle of the upload', async () => {
    const progress: PutProgress[] = [];
    const dying = network.partners[0]!;
    let pieces = 0;
    dying.server.fault = (path, method) => {
      if (method === 'PUT') pieces++;
      return pieces > 1 && path.includes('agreements') ? 'reset' : undefined;
    };
    const { partners } = await store(9 * MIB, 3, progress);
    expect(partners.map(({ partner }) => toHex(partner))).not.toContain(toHex(dying.signer.id));
    expect(partners).toHaveLength(3);
    expect(progress).toContainEqual(
      expect.objectContaining({ step: 'partner-failed', partner: dying.signer.id }),
    );
    expect(dying.uploads.size).toBe(1);
  });

  it('[P2V-5] resumes an upload where the partner stands after lost answers', async () => {
    for (const { server } of network.partners) {
      let lost = 0;
      server.fault = (_, method) => (method === 'PUT' && ++lost % 2 === 1 ? 'reset' : undefined);
    }
    const { job, bytes } = await store(9 * MIB, 3);
    expect(equalBytes(await collect((await market.get(job)).bytes), bytes)).toBe(true);
  });

  it('asks the same partners again when all of them were away for a moment', async () => {
    const failed = new Set<string>();
    const all = network.partners.length;
    for (const { server } of network.partners)
      server.fault = (_, method) => (method === 'PUT' && failed.size < all ? 'reset' : undefined);
    const file = await spooled(10);
    const { sessions, maxRate } = await market.quote({ size: 10, replicas: all, durationMs: 1 });
    const onProgress = (step: PutProgress) => {
      if (step.step === 'partner-failed') failed.add(toHex(step.partner));
    };
    const terms = { replicas: all, sessions, maxRate, patienceMs: 3000 };
    const { partners } = await market.put({ ...file, ...terms, onProgress });
    expect([failed.size, partners.length]).toEqual([all, all]);
  });

  it('[P2V-5] does not believe the partner that never delivers: it takes everything and never starts', async () => {
    network.partners[0]!.neverStarts = true;
    const { partners } = await store(10, 3);
    expect(partners.map(({ partner }) => toHex(partner))).not.toContain(
      toHex(network.partners[0]!.signer.id),
    );
  });

  it('[P2V-4.G1] finds the forged endpoint in a match, too, and asks another validator for it', async () => {
    const forger = nodeSigner(new Uint8Array(32).fill(77));
    for (const validator of network.validators.slice(0, 3)) validator.forger = forger;
    const progress: PutProgress[] = [];
    await store(10, 3, progress);
    expect(progress.filter(({ step }) => step === 'partner-failed')).toEqual([]);
  });

  it('[C2V-5] passes over offers that the partner in them has not signed', async () => {
    network.partners[1]!.voice = nodeSigner(new Uint8Array(32).fill(66));
    const { partners } = await store(10, 3);
    expect(partners.map(({ partner }) => toHex(partner))).not.toContain(
      toHex(network.partners[1]!.signer.id),
    );
  });

  it('[C2V-4.1] passes over offers of partners below the score that the client wants', async () => {
    for (const [i, score] of [444, 900, 419, 600].entries())
      network.partners[i]!.standing = { score, receipts: 3, bond: '44' };
    network.partners[1]!.direct = true;
    const file = await spooled(10);
    const { sessions, maxRate } = await market.quote({ size: 10, replicas: 4, durationMs: 1 });
    const wish = { ...file, replicas: 2, sessions, maxRate, minScore: 500 };
    const { partners } = await market.put(wish);
    const chosen = partners.map(({ partner }) => partnerOf(partner).standing?.score);
    expect(chosen.sort()).toEqual([600, 900]);
  });

  it('says how many copies there are when offers run out, and the same put goes on later', async () => {
    const file = await spooled(5 * MIB);
    const states: PutState[] = [];
    const broken = network.partners.slice(1);
    for (const { server } of broken)
      server.fault = (_, method) => (method === 'PUT' ? 'reset' : undefined);
    const { sessions, maxRate } = await market.quote({
      size: file.size,
      replicas: 4,
      durationMs: 1,
    });
    const wish = { ...file, replicas: 2, sessions, maxRate, patienceMs: 1500 };
    const first = market.put({ ...wish, onState: (state) => void states.push(state) });
    await expect(first).rejects.toMatchObject({
      code: 'client/too-few-partners',
      data: { found: 1, wanted: 2 },
    });
    for (const { server } of broken) server.fault = () => undefined;
    const state = parsePutState(formatPutState(states.at(-1)!));
    const { job, partners } = await marketOf(SECRET).put({ ...wish, state });
    expect(toHex(job)).toBe(toHex(state.request!.job));
    expect(partners).toHaveLength(2);
    expect(network.chain.jobs.size).toBe(1);
  });

  it('waits no longer for offers when the chain has ended the job', async () => {
    for (const { server } of network.partners)
      server.fault = (_, method) => (method === 'PUT' ? 'reset' : undefined);
    const file = await spooled(1000);
    const { sessions, maxRate } = await market.quote({ size: 1000, replicas: 4, durationMs: 1 });
    const wish = { ...file, replicas: 2, sessions, maxRate, patienceMs: 60_000 };
    // Hirings beside the one that ended the put may still be told of when the next test has begun.
    const { chain } = network;
    const onProgress = ({ step }: PutProgress) => {
      if (step !== 'partner-failed') return;
      for (const entry of chain.jobs.values())
        entry.job = { ...entry.job, state: JOB_STATE.cancelled, reason: 'nobody came' };
    };
    const put = market.put({ ...wish, onProgress });
    await expect(put).rejects.toMatchObject({
      code: 'client/job-over',
      message: expect.stringContaining('nobody came'),
    });
  });

  it('asks no further partner when one says that the job is over, and the chain says so, too', async () => {
    const file = await spooled(1000);
    const { sessions, maxRate } = await market.quote({ size: 1000, replicas: 4, durationMs: 1 });
    const wish = { ...file, replicas: 1, sessions, maxRate, patienceMs: 60_000 };
    let failures = 0;
    const { chain } = network;
    const onProgress = ({ step }: PutProgress) => {
      if (step === 'partner-failed') failures++;
      if (step !== 'matched') return;
      for (const entry of chain.jobs.values())
        entry.job = { ...entry.job, state: JOB_STATE.cancelled, reason: 'it took too long' };
    };
    await expect(market.put({ ...wish, onProgress })).rejects.toMatchObject({
      code: 'client/job-over',
      message: expect.stringContaining('it took too long'),
    });
    expect(failures).toBe(1);
  });

  it('a put that crashed after any step goes on to the same single job', async () => {
    const file = await spooled(2 * MIB);
    const { sessions, maxRate } = await market.quote({
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
      const run = marketOf(SECRET).put({ ...wish, onState, ...(saved ? { state: saved } : {}) });
      const outcome = await run.catch((error: Error) => error);
      if (outcome instanceof Error) expect(outcome.message).toBe('crash');
      else break;
    }
    expect(network.chain.jobs.size).toBe(1);
    expect([...network.chain.jobs.values()][0]!.agreements.size).toBe(2);
  });

  it('refuses to resume with other bytes or another account', async () => {
    const file = await spooled(100);
    const other = await spooled(101);
    let state: PutState | undefined;
    const wish = { ...file, replicas: 1, sessions: 2, maxRate: 5000n, patienceMs: 3000 };
    const onState = (now: PutState) => {
      state = now;
    };
    await market.put({ ...wish, onState });
    await expect(market.put({ ...wish, spool: other.spool, state: state! })).rejects.toEqual(
      refusedWith('client/source-changed'),
    );
    const stranger = marketOf(new Uint8Array(32).fill(8));
    await expect(stranger.put({ ...wish, state: state! })).rejects.toEqual(
      refusedWith('client/not-yours'),
    );
  });
});

describe('get among bad partners', () => {
  it('changes to another partner at a wrong byte, and goes on at that group', async () => {
    const { job, bytes, partners } = await store(6 * MIB, 3);
    const asked: number[] = [];
    for (const { partner } of partners.slice(0, 2)) {
      partnerOf(partner).serveBytes = (served, from) => {
        if (from < 0) return served;
        asked.push(from);
        const copy = served.slice();
        const at = 2 * MIB + 5 - from;
        if (at >= 0) copy[at]! ^= 1;
        return copy;
      };
    }
    expect(equalBytes(await collect((await market.get(job)).bytes), bytes)).toBe(true);
    expect(asked).toHaveLength(2);
    for (const from of asked) expect(from % MIB).toBe(0);
    expect(asked[1]).toBe(2 * MIB);
  });

  it('goes on at the group where connections broke, again and again', async () => {
    const { job, bytes, partners } = await store(6 * MIB, 2);
    for (const { partner } of partners) partnerOf(partner).breakAfter = MIB + MIB / 2;
    expect(equalBytes(await collect((await market.get(job)).bytes), bytes)).toBe(true);
  });

  it('takes an outline from nobody but who has the right one', async () => {
    const { job, bytes, partners } = await store(3 * MIB, 3);
    for (const { partner } of partners.slice(1))
      partnerOf(partner).serveBytes = (served) => served.map((byte) => byte ^ 1);
    expect(equalBytes(await collect((await market.get(job)).bytes), bytes)).toBe(true);
  });

  it('says that nobody has it when all lie, and gives out no wrong byte', async () => {
    const { job, partners, bytes } = await store(3 * MIB, 2);
    for (const { partner } of partners)
      partnerOf(partner).serveBytes = (served, from) =>
        from < 0 ? served : served.map((byte, i) => (from + i > 2 * MIB ? byte ^ 1 : byte));
    const seen: Uint8Array[] = [];
    const reading = (async () => {
      for await (const part of (await market.get(job)).bytes) seen.push(part);
    })();
    await expect(reading).rejects.toEqual(refusedWith('client/no-source'));
    const got = concat(...seen);
    expect(equalBytes(got, bytes.subarray(0, got.length))).toBe(true);
  });

  it('gives up a partner that goes silent in the middle', async () => {
    const { job } = await store(100, 2);
    for (const { server } of network.partners)
      server.fault = (path) => (path.includes('/content/') ? 'hang' : undefined);
    await expect(market.get(job)).rejects.toEqual(refusedWith('client/no-source'));
  });
});

describe('sharing', () => {
  it('opens one file for somebody else, and only that one', async () => {
    const { job, bytes } = await store(1000, 1);
    const text = await market.share(job);
    const friend = marketOf(new Uint8Array(32).fill(3));
    const file = await friend.getShared(text);
    expect(equalBytes(await collect(file.bytes), bytes)).toBe(true);
    await expect(friend.get(job)).rejects.toEqual(refusedWith('content/wrong-key'));
  });
});

describe('the end and the renewal of a job', () => {
  it('[C2V-7] files a receipt signed by both for each partner', async () => {
    const { job } = await store(10, 3);
    const plan = await market.planRemoval(job);
    const removal = await market.remove(job);
    expect(removal).toMatchObject({ cancelled: false, unanswered: [] });
    expect(removal.completed).toHaveLength(3);
    expect(removal.fee).toBeLessThanOrEqual(plan.fee);
    const { agreements } = network.chain.jobs.get(toHex(job))!;
    for (const { final, lastSession } of agreements.values())
      expect([final, lastSession]).toEqual([1, 5n]);
    expect(await market.remove(job)).toMatchObject({ cancelled: false, fee: 0n });
  });

  it('[C2V-7.G2] the receipt nobody includes: more than a third of the weight acknowledged it, and each of them is reported', async () => {
    const { job } = await store(10, 1);
    network.chain.omits = complete.name;
    const take = network.chain.take.bind(network.chain);
    network.chain.take = (opened) => {
      // By then it was given up.
      if (opened.declaration.name === cancel.name) network.chain.omits = '';
      return take(opened);
    };
    const removal = await market.remove(job);
    expect(removal.unanswered).toMatchObject([{ error: { code: 'client/receipt-omitted' } }]);
    const { omissions, validators } = network.chain;
    const accused = omissions.map((report) => {
      const said = open(report.acknowledgement, catalogue([acknowledgement]), network.chain.domain);
      const missing = network.chain.open(report.transaction);
      expect(missing).toMatchObject({ declaration: { name: complete.name } });
      expect(said).toMatchObject({ value: { transaction: (missing as Opened).id } });
      return toHex((said as Opened).sender);
    });
    expect(new Set(accused).size).toBe(accused.length);
    expect(3 * accused.length).toBeGreaterThan(validators.length);
  });

  it('[C2V-7.G2] says why a job is not ended when the cancellation waits behind a receipt that nobody includes', async () => {
    const { job } = await store(10, 1);
    network.chain.omits = complete.name;
    await expect(market.remove(job)).rejects.toMatchObject({
      code: 'client/not-included',
      message: expect.stringMatching(/is not ended: .* acknowledged receipt .* reported for it\.$/),
      next: expect.stringContaining('end it again'),
    });
  });

  it('cancels what is used interactively: its receipts are signed where it is used', async () => {
    const { job } = await store(10, 2);
    network.chain.jobs.get(toHex(job))!.job.utility = UTILITY.computation;
    const removal = await market.remove(job);
    expect(removal).toMatchObject({ cancelled: true, completed: [], unanswered: [] });
  });

  it('[C2V-7.G1] cancels when a partner does not answer, or signs with another key', async () => {
    const { job, partners } = await store(10, 3);
    partnerOf(partners[0]!.partner).server.fault = () => 'reset';
    partnerOf(partners[1]!.partner).voice = nodeSigner(new Uint8Array(32).fill(66));
    const removal = await market.remove(job);
    expect(removal.cancelled).toBe(true);
    expect(removal.completed).toHaveLength(1);
    expect(removal.unanswered.map(({ error }) => error.code).sort()).toEqual([
      'client/bad-answer',
      'client/connection',
    ]);
    await expect(market.remove(job)).rejects.toEqual(refusedWith('client/job-over'));
  });

  it('[C2V-7] makes the receipt again when the session ends in between', async () => {
    const { job } = await store(10, 1);
    const take = network.chain.take.bind(network.chain);
    let turned = false;
    network.chain.take = (opened) => {
      if (opened.declaration.name === 'market.complete' && !turned) {
        turned = true;
        network.chain.session++;
      }
      return take(opened);
    };
    expect((await market.remove(job)).completed).toHaveLength(1);
  });

  it('nobody else can remove a job', async () => {
    const { job } = await store(10, 1);
    await expect(marketOf(new Uint8Array(32).fill(3)).remove(job)).rejects.toEqual(
      refusedWith('client/not-yours'),
    );
  });

  it('renews with more escrow and a newer voucher for each partner', async () => {
    const { job, view } = await store(10, 2);
    const plan = await market.planRenewal(job, 119_000);
    expect(plan.sessions).toBe(2);
    const renewal = await market.renew(job, plan.sessions);
    expect(renewal.prolonged).toHaveLength(2);
    const after = network.chain.jobs.get(toHex(job))!;
    expect(after.job.escrow - view.job.escrow).toBe(plan.escrow);
    for (const agreement of after.agreements.values())
      expect(agreement).toMatchObject({ sequence: 2, sessions: view.job.sessions + 2 });
  });

  it('tells the whole history of a job', async () => {
    const { job } = await store(10, 2);
    const { history, agreements } = await market.job(job);
    expect(history.map(({ name }) => name)).toEqual([
      'market.job-confirmed',
      'market.agreement-started',
      'market.agreement-started',
    ]);
    expect(agreements).toHaveLength(2);
    expect((await market.jobs()).map(({ id }) => toHex(id))).toEqual([toHex(job)]);
    await expect(market.job(new Uint8Array(32))).rejects.toBeInstanceOf(PalisadeError);
  });
});

describe('a voucher', () => {
  it('is written down before a partner has it: where it cannot be, none gets any', async () => {
    const kept: string[] = [];
    market = marketOf(SECRET, async (voucher) => {
      kept.push(JSON.parse(formatVoucher(voucher)).partner);
    });
    const { partners } = await store(1000, 2);
    expect(kept.sort()).toEqual(partners.map(({ partner }) => toHex(partner)).sort());

    const held = () =>
      network.partners.map(({ uploads, contents }) => [uploads.size, contents.size]);
    const before = held();
    market = marketOf(SECRET, () => Promise.reject(new Error('the disk is full')));
    await expect(store(1001, 2)).rejects.toThrow('the disk is full');
    expect(held()).toEqual(before);
  });
});
