/** Stories of partners and validators, in signed words over HTTP. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { accountSigner, fromHex, signEnvelope, toHex } from '@palisade/core';
import { merkleRoot } from '@palisade/formats';
import {
  accept,
  clientConnectReport,
  confirmation,
  match,
  notice,
  noticeAck,
  offer,
  partnerConnectReport,
  ready,
  readyAck,
  signOff,
  workAnswer,
  workQuery,
} from '@palisade/market';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Cleanup,
  listen,
  MIB,
  startPool,
  type TestPool,
  until,
  word,
} from '../../test/pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(): Promise<TestPool> {
  const pool = await startPool(cleanups);
  await pool.produce();
  return pool;
}

type Partner = ReturnType<TestPool['partner']>;

/** Asks for work; the answer's words and notices, or the refusal. */
async function askForWork(pool: TestPool, partner: Partner, at = pool.urls[0]!) {
  const { status, body } = await partner.say(
    '/v1/work',
    workQuery,
    { atMs: BigInt(pool.time.nowMs) },
    at,
  );
  if (body.error) return { status, error: body.error };
  const { value } = word(workAnswer, body.answer!, pool.domain);
  return { status, value, notices: body.notices! };
}

async function hear(partner: Partner, at: string) {
  const stream = await partner.listen(at);
  cleanups.push(() => stream.stop());
  return stream;
}

/** Another partner that hears of everything: what it has heard, others would have heard as well. */
async function witnessOf(pool: TestPool) {
  const partner = pool.partner(4);
  await partner.ready();
  return hear(partner, pool.urls[0]!);
}

const jobsIn = (pool: TestPool, heard: Awaited<ReturnType<typeof listen>>['heard']) =>
  heard
    .filter(({ event }) => event === 'notice')
    .map(({ data }) => toHex(word(notice, data.message!, pool.domain).value.job));

describe('work for partners', () => {
  it('[P2V-1] READY is acknowledged in signed words that name it, its sequence and the session', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    const { status, body } = await partner.ready();
    expect(status).toBe(202);
    const said = word(readyAck, body.acknowledgement!, pool.domain);
    expect(said.value).toMatchObject({ partner: partner.key, sequence: 1n, height: 1n });
  });

  it('[P2V-2, P2V-2.G1] the validator that never notifies: the other that answers for the partner does, and who is asked gives the job or a reason', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    await partner.bond();
    for (const url of pool.urls.slice(0, 4)) await partner.ready({}, url);
    const { responsible } = await pool.answering(partner.key);
    expect(responsible).toHaveLength(2);
    // The first of them stays silent: nobody listens to it, which is the same from the outside.
    const stream = await hear(partner, responsible[1]!);
    const job = await pool.job();
    await until(() => jobsIn(pool, stream.heard).includes(job));
    const asked = await askForWork(pool, partner, responsible[0]);
    expect(asked.value).toMatchObject({ reason: '', jobs: 1 });
    expect(toHex(word(notice, asked.notices![0]!, pool.domain).value.job)).toBe(job);
  });

  it('[P2V-2.G1] no work has a reason: no demand, a filter, no READY, no room', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    await partner.bond();
    expect((await askForWork(pool, partner)).value).toMatchObject({ reason: 'not-ready' });
    await partner.ready();
    expect((await askForWork(pool, partner)).value).toMatchObject({ reason: 'no-demand' });
    await pool.job({ maxRate: 9n });
    expect((await askForWork(pool, partner)).value).toMatchObject({
      reason: 'filters-do-not-match',
      item: 'price',
    });
    await partner.ready({ accepting: 0, reason: 'full' });
    expect((await askForWork(pool, partner)).value).toMatchObject({ reason: 'at-capacity' });
  });

  it('[P2V-2.G2] REQUIREMENT_NOT_MET names what is missing: the bond, then the room', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    await partner.ready({ freeBytes: MIB });
    await pool.job({ size: 2n * MIB });
    const unknown = await askForWork(pool, partner);
    expect(unknown.value).toMatchObject({ reason: 'requirement-not-met', item: 'no-bond' });
    expect(unknown.value!.next).toContain('post-bond');
    await partner.bond();
    const small = await askForWork(pool, partner);
    expect(small.value).toMatchObject({ reason: 'requirement-not-met', item: 'freeBytes' });
  });

  it('[P2V-2] tells of jobs that fit the READY, and of no others', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    await partner.ready({ maxSize: 2n * MIB, maxSessions: 3 });
    const stream = await hear(partner, pool.urls[0]!);
    await pool.job({ size: 3n * MIB });
    await pool.job({ sessions: 4 });
    const fitting = await pool.job();
    await until(() => stream.heard.length > 0);
    expect(jobsIn(pool, stream.heard)).toEqual([fitting]);
  });

  it("[P2V-2] keeps the partner's acknowledgement of a notice, also over a restart of the store", async () => {
    const pool = await start();
    const partner = pool.partner(0);
    await partner.ready();
    const stream = await hear(partner, pool.urls[0]!);
    const job = await pool.job();
    await until(() => stream.heard.length > 0);
    const told = word(notice, stream.heard[0]!.data.message!, pool.domain);
    const { height } = told.value;
    pool.time.nowMs += 40;
    const words = { job: fromHex(job), validator: told.sender, height };
    const envelope = await partner.sign(noticeAck, words);
    expect((await pool.post('/v1/notices/acknowledgements', envelope)).status).toBe(202);
    const place = `/v1/notices/acknowledgements/${job}/${toHex(partner.key)}`;
    expect((await pool.get(place)).body.acknowledgement).toBe(toHex(envelope));
    // Thanks to another validator are no evidence for this one.
    expect(
      (await pool.post('/v1/notices/acknowledgements', envelope, pool.urls[1])).body.error?.code,
    ).toBe('market/other-validator');
    expect((await pool.get(place, pool.urls[1])).status).toBe(404);
    const { partners } = (await pool.get('/v1/partners')).body;
    expect(partners![0]).toMatchObject({ rttMs: 40 });
  });

  it('[P2V-2] a polling flood is refused, and its sender is silenced', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    await partner.ready();
    for (let i = 0; i < 5; i++) expect((await askForWork(pool, partner)).status).toBe(200);
    const sixth = await askForWork(pool, partner);
    expect(sixth).toMatchObject({ status: 429, error: { code: 'market/too-often' } });
    const seventh = await askForWork(pool, partner);
    expect(seventh).toMatchObject({
      status: 429,
      error: { code: 'market/shut-up', data: { seconds: 3 } },
    });
    // Others are heard meanwhile, and the partner itself after that time.
    expect((await askForWork(pool, pool.partner(1))).status).toBe(200);
    expect((await partner.ready()).body.error?.code).toBe('market/shut-up');
    pool.time.nowMs += 3001;
    expect((await askForWork(pool, partner)).status).toBe(200);
    const { body } = await pool.get('/status');
    expect(body.market).toMatchObject({ silenced: 1 });
  });

  it('[P2V-2] a partner that opens streams without end is refused one, and others are not', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    for (let i = 0; i < 10; i++) expect((await hear(partner, pool.urls[0]!)).status).toBe(200);
    expect((await hear(partner, pool.urls[0]!)).status).toBe(429);
    expect((await hear(pool.partner(1), pool.urls[0]!)).status).toBe(200);
    pool.time.nowMs += 2000;
    expect((await hear(partner, pool.urls[0]!)).status).toBe(200);
  });

  it('[P2V-2] a recorded question works for a minute and not for ever', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    const old = await partner.sign(workQuery, { atMs: BigInt(pool.time.nowMs - 61_000) });
    expect((await pool.post('/v1/work', old)).body.error?.code).toBe('market/stale-question');
  });
});

describe('capacity', () => {
  it('[P2V-6] a partner that flaps between full and open is told to SHUT_UP, for longer each time', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    const full = { accepting: 0, reason: 'full' };
    expect((await partner.ready()).status).toBe(202);
    expect((await partner.ready(full)).status).toBe(202);
    // The first haste is passed over: a partner that crashed knows no better.
    expect((await partner.ready()).status).toBe(202);
    expect((await partner.ready(full)).body.error).toMatchObject({
      code: 'market/shut-up',
      data: { seconds: 3 },
    });
    pool.time.nowMs += 3001;
    expect((await partner.ready(full)).status).toBe(202);
    expect((await partner.ready()).body.error).toMatchObject({
      code: 'market/shut-up',
      data: { seconds: 6 },
    });
  });

  it('[P2V-6] a partner that keeps the cool-down changes as often as it likes', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    for (let i = 0; i < 6; i++) {
      const { status } = await partner.ready({ accepting: i % 2, reason: i % 2 ? '' : 'full' });
      expect(status).toBe(202);
      pool.time.nowMs += 3000;
    }
  });

  it('[P2V-6] a full partner is told of no job, and of those still open when it has room again', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    await partner.ready({ accepting: 0, reason: 'full' });
    const stream = await hear(partner, pool.urls[0]!);
    const witness = await witnessOf(pool);
    const job = await pool.job();
    await until(() => witness.heard.length > 0);
    pool.time.nowMs += 3000;
    expect(stream.heard).toEqual([]);
    await partner.ready();
    await until(() => stream.heard.length > 0);
    expect(jobsIn(pool, stream.heard)).toEqual([job]);
  });

  it('[P2V-7] who signs off is told nothing more and cannot be brought back by its old READY', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    const { envelope } = await partner.ready();
    const stream = await hear(partner, pool.urls[0]!);
    const last = {
      sequence: partner.next(),
      atMs: BigInt(pool.time.nowMs),
      reason: 'going home',
    };
    expect((await partner.say('/v1/partners/sign-off', signOff, last)).status).toBe(202);
    const witness = await witnessOf(pool);
    await pool.job();
    await until(() => witness.heard.length > 0);
    expect(stream.heard).toEqual([]);
    const listed = (await pool.get('/v1/partners')).body.partners!.map(({ nodeKey }) => nodeKey);
    expect(listed).toEqual([toHex(pool.partner(4).key)]);
    pool.time.nowMs += 31_000;
    const again = await pool.post('/v1/partners', envelope);
    expect(again.body.error?.code).toBe('market/old-ready');
    expect((await partner.ready()).status).toBe(202);
  });

  it('[P2V-1] any traffic says that a partner is still active; after three misses it is off the board', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    const hour = { expiresMs: BigInt(pool.time.nowMs + 3_000_000) };
    await partner.ready(hour);
    const listed = async () => (await pool.get('/v1/partners')).body.partners!.length;
    pool.time.nowMs += 20_000;
    await askForWork(pool, partner);
    pool.time.nowMs += 20_000;
    expect(await listed()).toBe(1);
    pool.time.nowMs += 11_000;
    expect(await listed()).toBe(0);
  });
});

describe('endpoints and meetings', () => {
  it('[P2V-4.G1] the forged endpoint: an offer with a READY of somebody else is refused, and so is a changed one', async () => {
    const pool = await start();
    const [partner, other] = [pool.partner(0), pool.partner(1)];
    await partner.bond();
    const job = fromHex(await pool.job());
    const { envelope } = await other.ready();
    const words = { job, rate: 10n, validUntilMs: BigInt(pool.time.nowMs + 9000), ready: envelope };
    const answer = await partner.say('/v1/offers', offer, words);
    expect(answer.body.error?.code).toBe('market/foreign-ready');
    // Nor does a READY pass whose address somebody has changed.
    const forged = envelope.slice();
    forged[forged.length - 100]! ^= 1;
    expect((await pool.post('/v1/partners', forged)).status).not.toBe(202);
  });

  it('[P2V-4.G1] a stale endpoint shows by its sequence and its expiry', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    const old = await partner.ready({ url: 'http://127.0.0.1:1' });
    await partner.ready({ url: 'http://127.0.0.1:2' });
    const again = await pool.post('/v1/partners', old.envelope);
    expect(again.body.error).toMatchObject({ code: 'market/old-ready', data: { sequence: '2' } });
    const gone = await partner.ready({ expiresMs: BigInt(pool.time.nowMs - 1) });
    expect(gone.body.error?.code).toBe('market/ready-expired');
    const forever = await partner.ready({ expiresMs: BigInt(pool.time.nowMs + 3_700_000) });
    expect(forever.body.error?.code).toBe('market/ready-too-long');
  });

  /** A partner with an offer that the client has taken up. */
  async function matched(pool: TestPool, url = 'http://127.0.0.1:1') {
    const partner = pool.partner(0);
    await partner.bond();
    const own = await partner.ready({ url });
    const job = await pool.job();
    const validUntilMs = BigInt(pool.time.nowMs + 9000);
    const offered = { job: fromHex(job), rate: 10n, validUntilMs, ready: own.envelope };
    expect((await partner.say('/v1/offers', offer, offered)).status).toBe(202);
    const words = { job: fromHex(job), partner: partner.key, rate: 10n };
    const taken = await signEnvelope(accept, words, pool.domain, pool.client);
    const { status, body } = await pool.post(`/v1/jobs/${job}/accept`, taken);
    expect(status).toBe(200);
    return { partner, job, match: word(match, body.match!, pool.domain).value };
  }

  async function report(
    pool: TestPool,
    job: string,
    partner: Partner,
    client?: 0 | 1,
    own?: 0 | 1,
  ) {
    const path = `/v1/jobs/${job}/connect-reports`;
    const id = fromHex(job);
    if (client !== undefined) {
      const words = { job: id, partner: partner.key, ok: client, sequence: 1n };
      const said = await signEnvelope(clientConnectReport, words, pool.domain, pool.client);
      expect((await pool.post(path, said)).status).toBe(202);
    }
    if (own !== undefined) {
      const words = { job: id, client: pool.client.id, ok: own, sequence: 1n };
      expect((await partner.say(path, partnerConnectReport, words)).status).toBe(202);
    }
  }
  const marketOf = async (pool: TestPool) => (await pool.get('/status')).body.market!;

  it('[P2V-4] both sides get the match, and what both report is counted', async () => {
    const pool = await start();
    const stream = await hear(pool.partner(0), pool.urls[0]!);
    const { partner, job, match: words } = await matched(pool);
    await until(() => stream.heard.some(({ event }) => event === 'match'));
    expect(words.client).toEqual(pool.client.id);
    await report(pool, job, partner, 1, 1);
    expect(await marketOf(pool)).toMatchObject({ matches: { met: 1, oneSided: 0 } });
  });

  it('[P2V-4.G1] when the sides disagree a passive validator looks, and the pair is counted', async () => {
    const pool = await start();
    let asked = 0;
    const server = createServer((_, response) => {
      asked++;
      response.end('well');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { partner, job } = await matched(pool, url);
    await report(pool, job, partner, 0, 1);
    await until(
      async () => ((await marketOf(pool)).probes as { reachable: number }).reachable === 1,
    );
    expect(asked).toBe(1);
    expect(await marketOf(pool)).toMatchObject({
      matches: { oneSided: 1, failed: 0 },
      oneSidedPairs: [{ partner: toHex(partner.key), oneSided: 1 }],
    });
    const metrics = await (await fetch(`${pool.urls[0]}/metrics`)).text();
    expect(metrics).toMatch(/connections_total\{.*outcome="oneSided".*\} 1/);
    expect(metrics).toMatch(/probes_total\{finding="reachable"\} 1/);
  });

  it('[P2V-4.G1] a failure that the other side says nothing to counts as one-sided after a while', async () => {
    const pool = await start();
    const { partner, job } = await matched(pool);
    await partner.ready();
    await report(pool, job, partner, 0);
    pool.time.nowMs += 10_001;
    await pool.produce();
    await until(
      async () => ((await marketOf(pool)).matches as { oneSided: number }).oneSided === 1,
    );
    // The client used an endpoint that the partner has replaced since.
    expect(await marketOf(pool)).toMatchObject({ matches: { stale: 1 } });
    await until(
      async () => ((await marketOf(pool)).probes as { unreachable: number }).unreachable === 1,
    );
  });

  it('[P2V-4.G1] nobody else reports on a match', async () => {
    const pool = await start();
    const { partner, job } = await matched(pool);
    const stranger = accountSigner(new Uint8Array(32).fill(5));
    const words = { job: fromHex(job), partner: partner.key, ok: 0, sequence: 1n };
    const said = await signEnvelope(clientConnectReport, words, pool.domain, stranger);
    const answer = await pool.post(`/v1/jobs/${job}/connect-reports`, said);
    expect(answer.body.error?.code).toBe('market/no-such-match');
  });
});

describe('offers', () => {
  async function offersOf(pool: TestPool, job: string, query = '') {
    const stream = await listen(`${pool.urls[0]}/v1/jobs/${job}/offers?limit=2${query}`);
    cleanups.push(() => stream.stop());
    return stream;
  }

  it('[C2V-4.2] a direct partner is offered at once, at the price of its READY, and can be taken', async () => {
    const pool = await start();
    const partner = pool.partner(0);
    await partner.bond();
    await partner.ready({ direct: 1 });
    const job = await pool.job({ size: 3n * MIB });
    const stream = await offersOf(pool, job);
    await until(() => stream.heard.length > 0);
    const { data } = stream.heard[0]!;
    expect(data).toMatchObject({
      direct: true,
      rate: '30',
      freeSlots: 4,
      standing: { score: 444 },
    });
    expect(word(ready, data.ready!, pool.domain).sender).toEqual(partner.key);
    const words = { job: fromHex(job), partner: partner.key, rate: 30n };
    const sign = (value: typeof words) => signEnvelope(accept, value, pool.domain, pool.client);
    const cheaper = await pool.post(`/v1/jobs/${job}/accept`, await sign({ ...words, rate: 29n }));
    expect(cheaper.body.error?.code).toBe('market/no-such-offer');
    const taken = await pool.post(`/v1/jobs/${job}/accept`, await sign(words));
    expect(word(match, taken.body.match!, pool.domain).value).toMatchObject({ rate: 30n });
  });

  it('[C2V-5, C2V-4.1] offers come as they are made, within what the client wishes, until its limit', async () => {
    const pool = await start();
    const partners = [0, 1, 2].map((number) => pool.partner(number));
    for (const partner of partners) await partner.bond();
    const job = await pool.job();
    const stream = await offersOf(pool, job, '&maxRate=20&minScore=400');
    for (const [i, partner] of partners.entries()) {
      const { envelope } = await partner.ready();
      const validUntilMs = BigInt(pool.time.nowMs + 9000);
      const words = {
        job: fromHex(job),
        rate: 30n - 10n * BigInt(i),
        validUntilMs,
        ready: envelope,
      };
      expect((await partner.say('/v1/offers', offer, words)).status).toBe(202);
    }
    await until(() => stream.heard.some(({ event }) => event === 'end'));
    const made = stream.heard.filter(({ event }) => event === 'offer').map(({ data }) => data);
    expect(made.map(({ rate }) => rate)).toEqual(['20', '10']);
    expect(made[0]).toMatchObject({
      partner: toHex(partners[1]!.key),
      direct: false,
      lastSeenMs: pool.time.nowMs,
    });
    const dear = await offersOf(pool, job, '&minScore=445');
    pool.time.nowMs += 10_000;
    expect(dear.heard).toEqual([]);
  });
});

describe('job files', () => {
  it('[P2V-2.G1] are open to everyone: the signed requests of a block, whose ids make the proven root', async () => {
    const pool = await start();
    const asked = [await pool.ask(), await pool.ask({ sessions: 3 })];
    const ids = asked.map(({ body }) => body.job!).sort();
    const { body: open } = await pool.get('/v1/job-files/3');
    await pool.produce(2);
    const height = (await pool.get(`/v1/query/market.job?id=${ids[0]}`)).body as {
      result?: { job: { height: string } };
    };
    const { body } = await pool.get(`/v1/job-files/${height.result!.job.height}`);
    expect(open.state).toBe('open');
    expect(body).toMatchObject({ state: 'closed', jobs: 2 });
    expect([...body.requests!].sort()).toEqual(asked.map(({ envelope }) => toHex(envelope)).sort());
    expect(body.root).toBe(toHex(merkleRoot(ids.map(fromHex))));
    // The proof is of the record that holds this root.
    expect(body.proof!.value).toContain(body.root!.slice(2));
    expect(body.proof!.proofOps).toHaveLength(2);
    expect((await pool.get('/v1/job-files/99')).status).toBe(404);
    const empty = await pool.get('/v1/job-files/1');
    expect(empty.body).toMatchObject({ jobs: 0, root: null });
  });

  it('[C2V-2.Q2, P2V-2.G1] hold the late request that lands in the next file: it is confirmed for that block, everybody can read it there, and that block takes it', async () => {
    const pool = await start();
    const inTime = await pool.ask();
    // This chain makes blocks only when it is told to, so the next one is due as soon as the last one is there: a
    // request that comes a millisecond after that is late for it, and goes into the one behind.
    pool.time.nowMs += 1;
    const late = await pool.ask({ sessions: 3 });
    const heights = [inTime, late].map(
      ({ body }) => word(confirmation, body.confirmation!, pool.domain).value.height,
    );
    const next = heights[0]!;
    expect(heights).toEqual([next, next + 1n]);
    for (const [i, { envelope }] of [inTime, late].entries()) {
      const { body } = await pool.get(`/v1/job-files/${heights[i]}`, pool.urls[1]);
      expect(body).toMatchObject({ state: 'open', requests: [toHex(envelope)] });
    }
    await pool.produce(2);
    for (const [i, { body }] of [inTime, late].entries()) {
      const found = await pool.get(`/v1/query/market.job?id=${body.job}`);
      expect(found.body).toMatchObject({ result: { job: { height: `${heights[i]}` } } });
    }
  });
});

describe('a passive validator', () => {
  it('[V2V-0] names the active ones to whoever brings it work, and still answers questions', async () => {
    const pool = await start();
    const passive = pool.urls[5]!;
    const partner = pool.partner(0);
    const redirected = { status: 421, body: { error: { code: 'market/not-active' } } };
    const answers = [
      await partner.ready({}, passive),
      await partner.say('/v1/work', workQuery, { atMs: BigInt(pool.time.nowMs) }, passive),
      await pool.get(`/v1/jobs/${toHex(new Uint8Array(32))}/offers`, passive),
      await pool.get('/v1/notices?subscribe=0x', passive),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject(redirected);
      expect(answer.body.error!.data!.validators).toEqual(pool.urls.slice(0, 4));
    }
    for (const path of ['/status', '/v1/partners', '/v1/job-files/1', '/v1/blocks/1'])
      expect((await pool.get(path, passive)).status).toBe(200);
  });
});
