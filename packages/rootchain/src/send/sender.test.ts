import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Liar, startProxy } from '../../test/proxy.ts';
import { account, depositCall, GWEI, mined, type Root, startRoot } from '../../test/root.ts';
import { createSender, httpRpc, publicClient, type SenderOptions } from '../index.ts';
import { bumped, offer } from './fees.ts';

let root: Root;
let proxy: Liar;
/** A new account for each test, so that none waits for another's nonces. */
let index = 0;

beforeAll(async () => {
  root = await startRoot();
  proxy = await startProxy(root.anvil.url);
});
afterAll(async () => {
  await proxy?.stop();
  await root?.stop();
});
beforeEach(async () => {
  index++;
  proxy.lie(undefined);
  await root.anvil.control('anvil_setBalance', account(index).address, '0x21e19e0c9bab2400000');
});

function sender(options: Partial<SenderOptions> = {}) {
  return createSender({
    rpc: httpRpc({ urls: [proxy.url], timeoutMs: 30_000 }),
    account: account(index),
    chainId: 31_337,
    maxFeePerGas: 500n * GWEI,
    receiptPollMs: 5,
    stuckMs: 40,
    firstPauseMs: 1,
    ...options,
  });
}

const deposit = (amount = 5n) => depositCall(root, account(index).address, amount);
const client = () => publicClient(httpRpc({ urls: [root.anvil.url] }));
const deposits = async () =>
  (await client().readContract({ ...root.bound.framework, functionName: 'nextDepositBlock' })) - 1n;
const baseFee = (gwei: bigint) =>
  root.anvil.control('anvil_setNextBlockBaseFeePerGas', `0x${(gwei * GWEI).toString(16)}`);
const automine = (on: boolean) => root.anvil.control('evm_setAutomine', on);

describe('sending on the root chain', () => {
  it('[X9] gives nonces in the order of calls, though all go out at once', async () => {
    const from = sender();
    const receipts = await Promise.all(
      [1n, 2n, 3n, 4n, 5n].map((n) => mined(from.send(deposit(n)))),
    );
    const transactions = await Promise.all(
      receipts.map(({ transactionHash: hash }) => client().getTransaction({ hash })),
    );
    expect(transactions.map(({ nonce }) => nonce)).toEqual([0, 1, 2, 3, 4]);
    expect(transactions.map(({ value }) => value)).toEqual([1n, 2n, 3n, 4n, 5n]);
  });

  it('what would revert is refused, costs nothing, and leaves no gap', async () => {
    const from = sender();
    const wrong = { ...deposit(5n), value: 4n };
    const [bad, good] = await Promise.all([from.send(wrong), from.send(deposit())]);
    if (bad.kind !== 'refused') throw new Error(bad.kind);
    expect(bad.refusal.code).toBe('rootchain/would-revert');
    expect(good.kind).toBe('mined');
    expect(await client().getTransactionCount({ address: from.address })).toBe(1);
  });

  it('[X9] a stuck transaction is replaced at its own nonce by one that offers more', async () => {
    await automine(false);
    const before = await deposits();
    const from = sender();
    const sending = from.send(deposit());
    await until(async () => (proxy.asked.get('eth_sendRawTransaction') ?? 0) > 3);
    await automine(true);
    await root.mine(1);
    const { transactionHash } = await mined(sending);
    expect(await deposits()).toBe(before + 1n);
    const { maxFeePerGas, nonce } = await client().getTransaction({ hash: transactionHash });
    expect(nonce).toBe(0);
    const head = await client().getBlock();
    expect(maxFeePerGas!).toBeGreaterThan(2n * head.baseFeePerGas!);
  });

  it('[X9] never offers more than the cap, and waits until the base fee is below it', async () => {
    await baseFee(300n);
    await root.mine(1);
    const from = sender();
    let done = false;
    const sending = from.send({ ...deposit(), maxFeePerGas: 100n * GWEI }).then((outcome) => {
      done = true;
      return outcome;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(done).toBe(false);
    // Others who offer more are not held up by it.
    await mined(from.send(deposit(1n)));
    expect(done).toBe(false);
    await baseFee(20n);
    await root.mine(1);
    const { transactionHash } = await mined(sending);
    const { maxFeePerGas } = await client().getTransaction({ hash: transactionHash });
    expect(maxFeePerGas!).toBeLessThanOrEqual(100n * GWEI);
  });

  it('[X9] what is not wanted any more gives its nonce to an empty transaction', async () => {
    await automine(false);
    const before = await deposits();
    let wanted = true;
    const from = sender();
    const sending = from.send({ ...deposit(), stillWanted: async () => wanted });
    await until(async () => (await pending()) > 0);
    wanted = false;
    const sent = proxy.asked.get('eth_sendRawTransaction') ?? 0;
    await until(async () => (proxy.asked.get('eth_sendRawTransaction') ?? 0) > sent + 1);
    await automine(true);
    await root.mine(1);
    expect((await sending).kind).toBe('withdrawn');
    expect(await deposits()).toBe(before);
  });

  it('[X13] tells of each version before anybody can have seen it, and sends none when the first is not wanted', async () => {
    await automine(false);
    const told: string[] = [];
    const sent = proxy.asked.get('eth_sendRawTransaction') ?? 0;
    const sentSoFar = () => (proxy.asked.get('eth_sendRawTransaction') ?? 0) - sent;
    const from = sender();
    const unwanted = await from.send({ ...deposit(), announce: async () => false });
    expect(unwanted).toMatchObject({ kind: 'refused', refusal: { code: 'rootchain/not-wanted' } });
    expect(sentSoFar()).toBe(0);
    const announce = async ({ hash }: { readonly hash: string }) => {
      if (told.length === 0) expect(sentSoFar()).toBe(0);
      told.push(hash);
      return told.length === 1;
    };
    const sending = from.send({ ...deposit(), announce });
    await until(async () => told.length > 1);
    await automine(true);
    await root.mine(1);
    const { transactionHash } = await mined(sending);
    expect(told).toContain(transactionHash);
    expect(await from.receiptOf(transactionHash)).toMatchObject({ status: 1n });
  });

  it('a transaction that a reorganisation threw out is sent again', async () => {
    const from = sender({ confirmations: 3n });
    const before = await deposits();
    proxy.asked.clear();
    const sending = from.send(deposit());
    await until(async () => (await deposits()) > before);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(proxy.asked.get('eth_sendRawTransaction'), 'none while it is in a block').toBe(1);
    await root.anvil.control('anvil_reorg', 1, []);
    await until(async () => (await deposits()) > before);
    await root.mine(3);
    await mined(sending);
    expect(await deposits()).toBe(before + 1n);
  });

  it('[X9] a transaction that a reorganisation threw out holds up nobody, and is sent again at once', async () => {
    // Another would be stuck behind its nonce for good, when no node remembers it.
    const from = sender({ confirmations: 3n, stuckMs: 600_000 });
    const sent = proxy.asked.get('eth_sendRawTransaction') ?? 0;
    const before = await deposits();
    const first = mined(from.send(deposit(1n)));
    await until(async () => (await deposits()) > before);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await automine(false);
    const second = mined(from.send(deposit(2n)));
    await until(async () => (await pending()) > 0);
    await root.anvil.control('anvil_reorg', 1, []);
    expect(await deposits()).toBe(before);
    // anvil forgets what it tries to mine too early.
    await until(async () => (proxy.asked.get('eth_sendRawTransaction') ?? 0) === sent + 3);
    let isDone = false;
    const both = Promise.all([first, second]).finally(() => {
      isDone = true;
    });
    await until(async () => {
      await root.mine(1);
      return isDone;
    });
    await both;
    expect(await deposits()).toBe(before + 2n);
    await automine(true);
  });

  it('[X13] what was taken back between two questions is not taken for deep', async () => {
    const from = sender({ confirmations: 3n });
    const before = await deposits();
    let isDone = false;
    const sending = mined(from.send(deposit())).finally(() => {
      isDone = true;
    });
    await until(async () => (await deposits()) > before);
    // Once the head is where its block would be deep, but the block has gone meanwhile.
    let [isFar, isTold] = [false, false];
    proxy.lie((method, params, result) => {
      if (!isFar && method === 'eth_getBlockByNumber' && params[0] === 'latest') {
        isFar = true;
        const { number } = result as { readonly number: string };
        return { ...(result as object), number: `0x${(Number(number) + 3).toString(16)}` };
      }
      if (!isFar || isTold || method !== 'eth_getTransactionReceipt') return result;
      isTold = true;
      return null;
    });
    await until(async () => isDone || isTold);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isDone).toBe(false);
    proxy.lie(undefined);
    await root.mine(3);
    await sending;
  });

  it('[X9] nothing waits for ever behind the nonce of what was taken back after it counted', async () => {
    const from = sender();
    const before = await deposits();
    await mined(from.send(deposit(1n)));
    await automine(false);
    const second = mined(from.send(deposit(2n)));
    await until(async () => (await pending()) > 0);
    await root.anvil.control('anvil_reorg', 1, []);
    expect(await deposits()).toBe(before);
    await automine(true);
    await second;
    expect(await deposits()).toBe(before + 1n);
    expect(await client().getTransactionCount({ address: from.address })).toBe(2);
  });

  it('goes through a node that fails at every question, and sends once', async () => {
    const flaky = await startProxy(root.anvil.url);
    flaky.failEach('dies', 1);
    const before = await deposits();
    const from = sender({ rpc: httpRpc({ urls: [flaky.url], timeoutMs: 30_000 }), stuckMs: 2000 });
    await mined(from.send(deposit()));
    expect(await deposits()).toBe(before + 1n);
    await flaky.stop();
  });

  it('a node that takes a transaction and says that it failed makes no second one', async () => {
    let lies = 2;
    proxy.lie((method, _, result) =>
      method === 'eth_sendRawTransaction' && lies-- > 0 ? 'nonsense' : result,
    );
    const before = await deposits();
    await mined(sender({ stuckMs: 2000 }).send(deposit()));
    expect(await deposits()).toBe(before + 1n);
  });

  it('goes to the next address when one is dead', async () => {
    const from = sender({
      rpc: httpRpc({ urls: ['http://127.0.0.1:1', root.anvil.url], timeoutMs: 30_000 }),
    });
    await mined(from.send(deposit()));
  });

  it('ends by its signal', async () => {
    await automine(false);
    const stop = new AbortController();
    const sending = sender({ signal: stop.signal }).send(deposit());
    await until(async () => (await pending()) > 0);
    stop.abort();
    await expect(sending).rejects.toThrow();
    await automine(true);
    await root.mine(1);
  });

  it('a revert in the block, after an estimate that went well, is told as such', async () => {
    // The state changed after the estimate, so to say.
    proxy.lie((method, _, result) => (method === 'eth_estimateGas' ? '0x30000' : result));
    const from = sender();
    expect((await from.send({ ...deposit(5n), value: 4n })).kind).toBe('reverted');
    expect((await from.send(deposit())).kind).toBe('mined');
  });
});

describe('offers', () => {
  it('leave room for a doubled base fee, within the cap', () => {
    expect(offer(10n, 2n, 100n)).toEqual({ maxFeePerGas: 22n, maxPriorityFeePerGas: 2n });
    expect(offer(10n, 2n, 15n)).toEqual({ maxFeePerGas: 15n, maxPriorityFeePerGas: 2n });
    expect(offer(10n, 2n, 10n)).toBeUndefined();
  });

  it('[X9] of replacements are an eighth more, or the present offer if that is more, or none', () => {
    const before = { maxFeePerGas: 80n, maxPriorityFeePerGas: 8n };
    expect(bumped(before, undefined, 100n)).toEqual({
      maxFeePerGas: 90n,
      maxPriorityFeePerGas: 9n,
    });
    expect(bumped(before, { maxFeePerGas: 95n, maxPriorityFeePerGas: 2n }, 100n)).toEqual({
      maxFeePerGas: 95n,
      maxPriorityFeePerGas: 9n,
    });
    expect(bumped(before, undefined, 89n)).toBeUndefined();
  });
});

async function pending(): Promise<number> {
  const { pending: count } = (await root.anvil.control('txpool_status')) as { pending: string };
  return Number(count);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
