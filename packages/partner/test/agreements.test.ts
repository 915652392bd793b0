/** What clients do with a partner, honest and not, with real validators behind it. */
import { connect, type Posted } from '@palisade/client';
import { accountSigner, catalogue, type Opened, open, signEnvelope, toHex } from '@palisade/core';
import {
  acknowledgement,
  partnerComplete,
  rateVoucher,
  renew,
  start,
} from '@palisade/market/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningPartner } from '../src/index.ts';
import {
  agreementOnChain,
  type Cleanup,
  contentOf,
  errorCode,
  MIB,
  openPartnerReceipt,
  type Pool,
  PRICE,
  QUICK,
  send,
  startPool,
  startTestPartner,
  type TestClient,
  type TestContent,
  until,
  upload,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
let pool: Pool;
let partner: RunningPartner;
let client: TestClient;
let number = 100;
/** What the partner has sent, by the name of the command. */
const sent = new Map<string, Posted>();
beforeAll(async () => {
  // Long sessions: a job that nobody starts in time is cancelled, and busy machines are slow.
  pool = await startPool(cleanups, { ...QUICK, sessionMs: 60_000 });
  partner = await startTestPartner(pool, cleanups, { connect: noting });
  client = pool.client;
});
afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The way to the validators, which keeps what went over it. */
function noting(urls: readonly string[]) {
  const chain = connect({ urls, environment: pool.clock.environment });
  const post: typeof chain.post = async (declaration, ...rest) => {
    const posted = await chain.post(declaration, ...rest);
    sent.set(declaration.name, posted);
    return posted;
  };
  return { ...chain, post };
}

/** Validators that have acknowledged the last command of a name, of four. */
function witnessesOf(name: string): number {
  const { id, acknowledgements } = sent.get(name)!;
  const known = catalogue([acknowledgement]);
  const words = acknowledgements.map((word) => open(word, known, pool.domain) as Opened);
  for (const { value } of words) expect(value).toMatchObject({ transaction: id });
  return new Set(words.map(({ sender }) => toHex(sender))).size;
}

const fresh = (size: number) => contentOf(size, ++number);
const at = (job: Uint8Array, what = '') => `${partner.url}/v1/agreements/${toHex(job)}${what}`;
const vouch = (voucher: Uint8Array) => send('POST', `${partner.url}/v1/agreements`, voucher);
const rateOf = ({ size }: TestContent) => PRICE * BigInt(Math.max(1, Math.ceil(size / MIB)));
const mine = (job: Uint8Array) => agreementOnChain(pool, job, partner.nodeKey);
const started = (job: Uint8Array) =>
  until(async () => (await mine(job)) !== undefined, { what: 'the start' });

async function jobWithVoucher(content: TestContent, sessions = 2) {
  const job = await client.request(content, { sessions });
  const voucher = await client.voucher(job, partner.nodeKey, { rate: rateOf(content), sessions });
  return { job, voucher };
}

describe('vouchers', () => {
  it('[P2V-5] of a client begin an upload; the same one again changes nothing', async () => {
    const content = fresh(10);
    const { job, voucher } = await jobWithVoucher(content);
    const first = await vouch(voucher);
    expect(first).toEqual({ status: 201, json: { state: 'upload', offset: 0, size: 10 } });
    expect(await vouch(voucher)).toEqual(first);
    expect((await send('GET', at(job))).json).toEqual(first.json);
  });

  it('[P2V-5] with a wrong signature, of a stranger or for another partner are refused', async () => {
    const content = fresh(10);
    const { job, voucher } = await jobWithVoucher(content);
    const broken = voucher.slice();
    broken[broken.length - 10]! ^= 1;
    expect(await vouch(broken)).toMatchObject({ status: 400 });
    const stranger = accountSigner(new Uint8Array(32).fill(3));
    const terms = { job, partner: partner.nodeKey, sequence: 1, rate: PRICE, sessions: 2 };
    const foreign = await vouch(await signEnvelope(rateVoucher, terms, pool.domain, stranger));
    expect([foreign.status, errorCode(foreign)]).toEqual([403, 'market/not-the-client']);
    const other = await vouch(
      await client.voucher(job, new Uint8Array(32).fill(8), { rate: PRICE }),
    );
    expect([other.status, errorCode(other)]).toEqual([422, 'partner/other-partner']);
    expect((await send('GET', at(job))).status).toBe(404);
  });

  it('[P2V-3] below the rate that was offered are refused, and say what is asked', async () => {
    const content = fresh(MIB + 1);
    const job = await client.request(content);
    const offer = await client.offerFor(job);
    expect(offer.rate).toBe(2n * PRICE);
    const answer = await vouch(
      await client.voucher(job, partner.nodeKey, { rate: offer.rate - 1n }),
    );
    expect(errorCode(answer)).toBe('partner/rate-too-low');
    expect(answer.json).toMatchObject({ error: { data: { asked: `${offer.rate}` } } });
  });

  it('[P2V-5] for a job that is not on chain are refused for now', async () => {
    const unknown = new Uint8Array(32).fill(99);
    const answer = await vouch(await client.voucher(unknown, partner.nodeKey, { rate: PRICE }));
    expect([answer.status, errorCode(answer)]).toEqual([404, 'market/no-such-job']);
    expect(answer.json).toMatchObject({ error: { retry: 'later' } });
  });

  it('[P2V-5] that contradict or undercut an earlier one are refused', async () => {
    const content = fresh(10);
    const { job, voucher } = await jobWithVoucher(content);
    await vouch(voucher);
    const lie = await vouch(
      await client.voucher(job, partner.nodeKey, { rate: PRICE, sessions: 1 }),
    );
    expect([lie.status, errorCode(lie)]).toEqual([409, 'partner/voucher-conflict']);
    const less = await client.voucher(job, partner.nodeKey, {
      sequence: 2,
      rate: PRICE,
      sessions: 1,
    });
    expect(errorCode(await vouch(less))).toBe('market/voucher-not-newer');
  });
});

describe('uploads', () => {
  it('[P2V-5] without an outline arrive as well, and can be read back in parts', async () => {
    const content = fresh(2 * MIB + 77);
    const { job, voucher } = await jobWithVoucher(content);
    const answer = await upload(partner.url, job, voucher, content, { outline: false });
    expect(answer).toMatchObject({ status: 200, json: { offset: content.size } });
    // Bytes without an outline are read again: where that takes long, the answer does not wait for it.
    expect(answer.json.state).toMatch(/^(upload|starting)$/);
    await started(job);
    await until(async () => (await send('GET', at(job))).json.state === 'complete');
    expect((await send('GET', at(job))).json.start).toMatch(/^0x[0-9a-f]{64}$/);
    const url = `${partner.url}/v1/content/${toHex(content.contentId)}`;
    const whole = await fetch(url);
    expect(whole.headers.get('content-length')).toBe(`${content.size}`);
    expect(Buffer.from(await whole.arrayBuffer()).equals(content.bytes)).toBe(true);
    const part = await fetch(url, { headers: { range: `bytes=${MIB - 3}-${MIB + 3}` } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes ${MIB - 3}-${MIB + 3}/${content.size}`);
    const bytes = new Uint8Array(await part.arrayBuffer());
    expect(bytes).toEqual(content.bytes.slice(MIB - 3, MIB + 4));
    const outside = await fetch(url, { headers: { range: `bytes=${content.size}-` } });
    expect(outside.status).toBe(416);
    const outline = await fetch(`${url}/outline`);
    expect(new Uint8Array(await outline.arrayBuffer())).toEqual(content.roots);
    expect(
      (await fetch(url, { headers: { 'if-none-match': `"${toHex(content.contentId)}"` } })).status,
    ).toBe(304);
    const head = await fetch(url, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(`${content.size}`);
  });

  it('[P2V-5] of nothing at all start at once, and validators of more than a third of the votes acknowledge that', async () => {
    const content = fresh(0);
    const { job, voucher } = await jobWithVoucher(content);
    expect((await vouch(voucher)).json).toMatchObject({ state: 'starting', size: 0 });
    await started(job);
    expect(witnessesOf(start.name)).toBeGreaterThanOrEqual(2);
  });

  it.each([
    { name: 'with', outline: true },
    { name: 'without', outline: false },
  ])('[P2V-5] $name outline go on where they were cut off', async ({ outline }) => {
    const content = fresh(3 * MIB + 9);
    const { job, voucher } = await jobWithVoucher(content);
    await vouch(voucher);
    if (outline) await send('PUT', at(job, '/outline'), content.roots);
    const cut = content.bytes.subarray(0, 2 * MIB + 5);
    const first = await send('PUT', at(job, '/content?offset=0'), cut);
    const offset = Number(first.json.offset);
    // Whole groups count where they are checked as they come, every byte where they are not.
    expect(first.json).toMatchObject({ state: 'upload', offset: outline ? 2 * MIB : cut.length });
    const astray = await send('PUT', at(job, '/content?offset=1'), content.bytes.subarray(1));
    expect([astray.status, errorCode(astray)]).toEqual([409, 'storage/wrong-offset']);
    const rest = await send(
      'PUT',
      at(job, `/content?offset=${offset}`),
      content.bytes.subarray(offset),
    );
    expect(rest.json).toMatchObject({ offset: content.size });
    expect(rest.json.state).toMatch(outline ? /^starting$/ : /^(upload|starting)$/);
    await started(job);
  });

  it('[P2V-5] keep what came before the connection broke', async () => {
    const content = fresh(4 * MIB);
    const { job, voucher } = await jobWithVoucher(content);
    await vouch(voucher);
    await send('PUT', at(job, '/outline'), content.roots);
    const breaking = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(content.bytes.slice(0, 3 * MIB));
        await until(async () => Number((await send('GET', at(job))).json.offset) > 0);
        controller.error(new Error('the cable was pulled'));
      },
    });
    const sending = fetch(at(job, '/content?offset=0'), {
      method: 'PUT',
      body: breaking,
      duplex: 'half',
    } as RequestInit);
    await expect(sending).rejects.toThrow();
    const offset = Number((await send('GET', at(job))).json.offset);
    const rest = await send(
      'PUT',
      at(job, `/content?offset=${offset}`),
      content.bytes.subarray(offset),
    );
    expect(rest.json).toMatchObject({ state: 'starting' });
  });

  it('[P2V-5] of other bytes are refused: at the group with an outline, at the end without', async () => {
    const content = fresh(2 * MIB);
    const lie = content.bytes.slice();
    lie[MIB + 7]! ^= 1;
    const checked = await jobWithVoucher(content);
    await vouch(checked.voucher);
    expect((await send('PUT', at(checked.job, '/outline'), new Uint8Array(64))).status).toBe(422);
    await send('PUT', at(checked.job, '/outline'), content.roots);
    const early = await send('PUT', at(checked.job, '/content?offset=0'), lie);
    expect([early.status, errorCode(early)]).toEqual([422, 'storage/group-mismatch']);
    expect((await send('GET', at(checked.job))).json.offset).toBe(MIB);
    const other = fresh(2 * MIB);
    const blind = await jobWithVoucher(other);
    await vouch(blind.voucher);
    const late = await send('PUT', at(blind.job, '/content?offset=0'), lie);
    expect([late.status, errorCode(late)]).toEqual([422, 'partner/other-content']);
    expect((await send('GET', at(blind.job))).json).toMatchObject({ state: 'upload', offset: 0 });
    const long = await send('PUT', at(blind.job, '/content?offset=0'), new Uint8Array(2 * MIB + 1));
    expect([long.status, errorCode(long)]).toEqual([413, 'storage/too-long']);
  });

  it('[P2V-5] of one content for several jobs at once need the bytes but once', async () => {
    const content = fresh(3 * MIB);
    const jobs = [
      await jobWithVoucher(content),
      await jobWithVoucher(content),
      await jobWithVoucher(content),
    ];
    for (const { voucher } of jobs) await vouch(voucher);
    await send('PUT', at(jobs[0]!.job, '/outline'), content.roots);
    const answers = await Promise.all(
      jobs.slice(0, 2).map(({ job }) => send('PUT', at(job, '/content?offset=0'), content.bytes)),
    );
    for (const { status } of answers) expect(status).toBe(200);
    for (const { job } of jobs) await started(job);
    const later = await jobWithVoucher(content);
    expect((await vouch(later.voucher)).json).toMatchObject({ state: 'starting' });
    // Bytes that are here already are not read, and still do not block the connection they came on.
    for (let round = 0; round < 8; round++) {
      const again = await send('PUT', at(later.job, '/content?offset=0'), content.bytes);
      expect(again.json).toMatchObject({ offset: content.size });
      expect((await send('GET', at(later.job))).status).toBe(200);
    }
  });

  it('[P2V-5] without an outline have one writer at a time', async () => {
    const content = fresh(2 * MIB);
    const { job, voucher } = await jobWithVoucher(content);
    await vouch(voucher);
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(content.bytes.slice(0, MIB));
        await gate;
        controller.close();
      },
    });
    const first = fetch(at(job, '/content?offset=0'), {
      method: 'PUT',
      body: slow,
      duplex: 'half',
    } as RequestInit);
    const here = async () => (await send('GET', at(job))).json.offset;
    await until(async () => (await here()) === MIB, { what: 'the first MiB' });
    const second = await send(
      'PUT',
      at(job, `/content?offset=${MIB}`),
      content.bytes.subarray(MIB),
    );
    expect([second.status, errorCode(second)]).toEqual([409, 'partner/upload-busy']);
    open();
    expect((await first).status).toBe(200);
  });
});

describe('agreements that run', () => {
  it('[P2V-5] are prolonged by a voucher with a higher sequence', async () => {
    const content = fresh(100);
    const { job, voucher } = await jobWithVoucher(content, 2);
    await upload(partner.url, job, voucher, content);
    await started(job);
    await until(async () => (await send('GET', at(job))).json.state === 'complete');
    await pool.chain.send(renew, { job, sessions: 3 }, client.signer);
    const terms = { sequence: 2, rate: rateOf(content), sessions: 5 };
    const longer = await vouch(await client.voucher(job, partner.nodeKey, terms));
    expect(longer).toMatchObject({ status: 201, json: { state: 'complete' } });
    await until(async () => (await mine(job))?.sequence === 2, { what: 'the renewal' });
    expect(await mine(job)).toMatchObject({ sessions: 5 });
  });

  it('[P2V-8] end with a receipt: the partner signs it, and files it when the client does not', async () => {
    const content = fresh(100);
    const { job, voucher } = await jobWithVoucher(content, 20);
    await upload(partner.url, job, voucher, content);
    await started(job);
    await until(async () => (await send('GET', at(job))).json.state === 'complete');
    const { firstSession } = (await mine(job))!;
    const early = await client.receipt(job, partner.nodeKey, firstSession + 99n);
    expect(errorCode(await send('POST', `${partner.url}/v1/receipts`, early))).toBe(
      'market/bad-last-session',
    );
    const receipt = await client.receipt(job, partner.nodeKey, firstSession + 2n);
    const answer = await send('POST', `${partner.url}/v1/receipts`, receipt);
    expect(answer.status).toBe(200);
    expect(await openPartnerReceipt(pool, answer.json.receipt)).toMatchObject({
      job,
      lastSession: firstSession + 2n,
      signer: partner.nodeKey,
    });
    expect(await send('POST', `${partner.url}/v1/receipts`, receipt)).toEqual(answer);
    await until(async () => (await mine(job))?.lastSession === firstSession + 2n, {
      what: 'the receipt on chain',
    });
    expect(witnessesOf(partnerComplete.name)).toBeGreaterThanOrEqual(2);
  });
});
