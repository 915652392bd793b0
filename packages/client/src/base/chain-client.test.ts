import { NATIVE, send } from '@palisade/chain/schema';
import {
  accountSigner,
  catalogue,
  nodeSigner,
  type Opened,
  open,
  PalisadeError,
  signEnvelope,
  toHex,
} from '@palisade/core';
import { acknowledgement, jobConfirmed, request, UTILITY } from '@palisade/market/schema';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FairClock } from '../../test/fair-clock.ts';
import { FakeNetwork } from '../../test/fake-network.ts';
import { type ChainClient, connect, Directory, parseDirectory, readEvent } from './index.ts';

const policy = { attempts: 4, timeoutMs: 300, pauseMs: 5 };
const account = accountSigner(new Uint8Array(32).fill(7));
const gift = { to: new Uint8Array(20).fill(1), denom: NATIVE.denom, amount: 5n };

let network: FakeNetwork;
/** All is in this process. */
const clock = new FairClock();
afterAll(() => clock.stop());
let chain: ChainClient;
beforeEach(async () => {
  network = await FakeNetwork.start(1);
  chain = connect({ urls: network.urls, policy, environment: clock.environment });
});
afterEach(() => network.stop());

const refusedWith = (code: string) => expect.objectContaining({ code });
/** What a validator does while it is down. */
const down = () => 'reset' as const;

describe('the directory', () => {
  it('[C2V-1.3] knows all validators from the status of one, by key', async () => {
    const one = connect({ urls: [network.urls[2]!], policy, environment: clock.environment });
    await one.status();
    expect(
      one.directory
        .list()
        .map(({ url }) => url)
        .sort(),
    ).toEqual([...network.urls].sort());
    for (const { nodeKey } of one.directory.list()) expect(nodeKey).toHaveLength(32);
  });

  it('[C2V-1.2] keeps latency and reliability of its own requests, whatever others say', async () => {
    network.validators[1]!.server.fault = down;
    const probes = await chain.probe();
    const states = probes.map(({ validator, error }) => [validator.url, error?.code]);
    expect(states).toContainEqual([network.urls[1], 'client/connection']);
    const [good, bad] = [0, 1].map((i) => chain.directory.find(network.validators[i]!.signer.id)!);
    expect(good!.latencyMs).toBeGreaterThanOrEqual(0);
    expect(good!.reliability).toBe(1);
    expect(bad!.reliability).toBeLessThan(1);
  });

  it('[C2V-1.3] can be kept as plain data and read back', async () => {
    await chain.probe();
    const data = JSON.parse(JSON.stringify(chain.directory.export()));
    const again = new Directory([], parseDirectory(data));
    expect(
      again.list().map(({ key, url, alias, weight }) => ({ key, url, alias, weight })),
    ).toEqual(
      chain.directory.list().map(({ key, url, alias, weight }) => ({ key, url, alias, weight })),
    );
    expect(() => parseDirectory({ validators: [{ nodeKey: '0x00' }] })).toThrowError(
      refusedWith('client/bad-directory'),
    );
  });
});

describe('which chain', () => {
  it('is learned from the first answer, and others are refused from then on', async () => {
    expect((await chain.domain()).genesisHash).toEqual(network.chain.domain.genesisHash);
    const pinned = connect({
      urls: network.urls,
      policy,
      environment: clock.environment,
      genesisHash: new Uint8Array(32).fill(1),
    });
    await expect(pinned.domain()).rejects.toMatchObject({
      code: 'client/unreachable',
      message: expect.stringContaining('runs another chain'),
    });
  });
});

describe('sending', () => {
  it('names the fee before, and the chain takes exactly that', async () => {
    const fee = await chain.feeFor(send, gift);
    const posted = await chain.send(send, gift, account);
    const { feeBase, feePerByte } = network.chain.params;
    expect(posted.fee).toBe(fee);
    expect(fee).toBe(feeBase + feePerByte * BigInt(posted.envelope.length));
  });

  it('the size of an envelope, and so the fee, never depends on numbers in it', async () => {
    const fee = await chain.feeFor(send, gift);
    await fc.assert(
      fc.asyncProperty(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), async (amount) => {
        expect(await chain.feeFor(send, { ...gift, amount })).toBe(fee);
      }),
      { numRuns: 20 },
    );
  });

  it('refuses to sign for more than the caller allows', async () => {
    await expect(chain.send(send, gift, account, { maxFee: 1n })).rejects.toMatchObject({
      code: 'client/fee-above-limit',
    });
    expect(network.chain.nonces.size).toBe(0);
  });

  it('has several in flight from one account, in order', async () => {
    const sent = await Promise.all(
      Array.from({ length: 8 }, () => chain.send(send, gift, account)),
    );
    expect(sent.map(({ nonce }) => nonce)).toEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n]);
    expect(network.chain.nonces.get(`${toHex(account.id)}/main`)).toBe(8n);
  });

  it('counts lanes apart, and all of a node key together', async () => {
    await chain.send(send, gift, account);
    const job = { utility: UTILITY.storage, subject: new Uint8Array(32) };
    const terms = { size: 1n, partners: 1, sessions: 1, maxRate: 1n };
    const posted = await chain.post(request, { ...job, ...terms }, account);
    expect(posted.nonce).toBe(0n);
  });

  it('signs again with the right place when another program of the account was quicker', async () => {
    await chain.send(send, gift, account);
    const other = connect({ urls: network.urls, policy, environment: clock.environment });
    await other.send(send, gift, account);
    await other.send(send, gift, account);
    expect((await chain.send(send, gift, account)).nonce).toBe(3n);
  });

  it('does not pay twice when the answer to its first try was lost', async () => {
    const { server } = network.validators[0]!;
    const only = connect({ urls: [server.url], policy, environment: clock.environment });
    await only.status();
    for (const validator of network.validators) {
      let lost = false;
      validator.server.faultAfter = (path, method) => {
        if (method !== 'POST' || path !== '/v1/transactions' || lost) return undefined;
        lost = true;
        return 'reset';
      };
    }
    await only.send(send, gift, account);
    expect(network.chain.nonces.get(`${toHex(account.id)}/main`)).toBe(1n);
  });

  it('hands a transaction over again when the validator that had it forgot it', async () => {
    await chain.status();
    const take = network.chain.take.bind(network.chain);
    let dropped = 0;
    network.chain.take = (opened) => (dropped++ === 0 ? undefined : take(opened));
    const { height } = await chain.send(send, gift, account);
    expect(height).toBeGreaterThan(0n);
    expect(dropped).toBe(2);
  });

  it('believes no acknowledgement but one that is signed, for this very transaction', async () => {
    for (const validator of network.validators)
      validator.voice = { ...validator.signer, sign: nodeSigner(new Uint8Array(32).fill(9)).sign };
    await expect(chain.post(send, gift, account)).rejects.toEqual(
      refusedWith('client/unreachable'),
    );
  });

  it('[C2V-7.G2, P2V-5] has more than a third of the weight acknowledge what shall have witnesses', async () => {
    const witnessed = () => chain.post(send, gift, account, { isWitnessed: true });
    const known = catalogue([acknowledgement]);
    const { id, acknowledgements } = await witnessed();
    const words = acknowledgements.map((word) => open(word, known, network.chain.domain));
    for (const said of words) expect(said).toMatchObject({ value: { transaction: id } });
    expect(new Set(words.map((said) => toHex((said as Opened).sender))).size).toBe(2);
    // Those that are down cannot witness; what one has taken is on its way, and is signed but once.
    for (const { server } of network.validators.slice(1)) server.fault = down;
    const posted = await witnessed();
    expect(posted.acknowledgements).toHaveLength(1);
    expect((await chain.waitFor(posted.id)).height).toBeGreaterThan(0n);
    expect(network.chain.nonces.get(`${toHex(account.id)}/main`)).toBe(2n);
  });

  it('throws the refusal of a command that was refused in its block', async () => {
    await chain.status();
    const produce = network.chain.transaction.bind(network.chain);
    network.chain.transaction = (id) => {
      const found = produce(id) as Record<string, never>;
      if (found.status !== 'included') return found;
      const error = { code: 'accounts/too-little', message: 'You have 3.', retry: 'never' };
      return { ...found, code: 1, error };
    };
    await expect(chain.send(send, gift, account)).rejects.toMatchObject({
      code: 'accounts/too-little',
      message: 'You have 3.',
    });
  });

  it('[ENG] waits no longer for a transaction that was dropped, and says why it was', async () => {
    await chain.status();
    network.chain.transaction = (id) => {
      const error = { code: 'market/job-over', message: 'It ended.', retry: 'later' };
      return { id, status: 'dropped', height: '1', error };
    };
    await expect(chain.send(send, gift, account)).rejects.toMatchObject({
      code: 'market/job-over',
      message: 'It ended.',
    });
  });

  it('reads its own writes: an answer from before its block does not count', async () => {
    const { height } = await chain.send(send, gift, account);
    network.chain.stop();
    network.chain.height = height - 1n;
    await expect(chain.jobsOf(account.id)).rejects.toMatchObject({ code: 'client/unreachable' });
    network.chain.height = height;
    await expect(chain.jobsOf(account.id)).resolves.toEqual([]);
  });
});

describe('the faucet', () => {
  it('gives amounts beyond 64 bits, and is asked once', async () => {
    const { amount } = await chain.faucet(account.id);
    expect(amount).toBe(100n * 10n ** 18n);
    const asked = network.validators.flatMap(({ server }) => server.seen);
    expect(asked.filter((line) => line === 'POST /v1/faucet')).toHaveLength(1);
  });
});

describe('events', () => {
  const emit = (n: number) => {
    network.chain.height++;
    network.chain.emit(`test.${n}`, { n });
  };

  it('come once each and in order, across broken connections and changing validators', async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { data } of chain.events({ from: 0n, signal: stop.signal })) {
        seen.push((data as { n: number }).n);
        if (seen.length === 30) stop.abort();
      }
    })().catch((error: PalisadeError) => expect(error.code).toBe('client/aborted'));
    for (let n = 0; n < 30; n++) {
      emit(n);
      if (n % 7 === 3) {
        const { server } = network.validators[((n / 7) % 4) | 0]!;
        server.breakStreams();
      }
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    await reading;
    expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  it('begin with the next block, and lose none that comes while the first connection fails', async () => {
    await chain.status();
    emit(0);
    let isAsked = () => {};
    // By then it knows which block is the next: however slow that was.
    const asked = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    for (const { server } of network.validators)
      server.fault = (path) => {
        if (path !== '/v1/events') return undefined;
        isAsked();
        return 'reset';
      };
    const events = chain.events()[Symbol.asyncIterator]();
    const first = events.next();
    await asked;
    emit(1);
    for (const { server } of network.validators) server.fault = () => undefined;
    expect(await first).toMatchObject({ value: { name: 'test.1' } });
    await events.return?.(undefined);
  });

  it('end with an error that says where to go on when nobody serves them', async () => {
    await chain.status();
    for (const { server } of network.validators) server.fault = down;
    const quick = connect({
      urls: network.urls,
      policy: { ...policy, pauseMs: 0 },
      environment: clock.environment,
    });
    const events = quick.events({ from: 5n })[Symbol.asyncIterator]();
    await expect(events.next()).rejects.toMatchObject({
      code: 'client/unreachable',
      next: expect.stringContaining('block 5'),
    });
  });

  it('are read by their declaration', () => {
    const value = {
      job: new Uint8Array(32),
      client: new Uint8Array(20),
      subject: new Uint8Array(32),
      size: 2n ** 40n,
      partners: 3,
      sessions: 4,
      escrow: 10n ** 20n,
    };
    const event = { name: jobConfirmed.name, data: jobConfirmed.schema.toJson(value) };
    expect(readEvent(jobConfirmed, event)).toEqual(value);
    expect(readEvent(jobConfirmed, { name: 'other', data: {} })).toBeUndefined();
  });
});

describe('lists in pages', () => {
  it('all jobs of a client are found, beyond one page', async () => {
    const { chain: fake } = network;
    const terms = {
      size: 1n,
      partners: 1,
      sessions: 1,
      maxRate: 1n,
      utility: 1,
      maxFee: 1n << 60n,
    };
    for (let nonce = 0n; nonce < 230n; nonce++) {
      const fields = { subject: new Uint8Array(32), nonce, ...terms };
      const opened = fake.open(await signEnvelope(request, fields, fake.domain, account));
      if ('declaration' in opened) fake.take(opened);
    }
    fake.produce();
    const ids = (await chain.jobsOf(account.id)).map(({ id }) => toHex(id));
    expect(new Set(ids).size).toBe(230);
  });
});

describe('what is signed', () => {
  it('is for the chain that the validators run', async () => {
    const { envelope } = await chain.post(send, gift, account);
    expect(open(envelope, catalogue([send]), network.chain.domain)).not.toHaveProperty('retry');
  });

  it('is an error of ours, with what to do, when nobody can be reached', async () => {
    for (const { server } of network.validators) server.fault = down;
    const error = await chain.send(send, gift, account).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PalisadeError);
    expect((error as PalisadeError).next).toBeTruthy();
  });
});
