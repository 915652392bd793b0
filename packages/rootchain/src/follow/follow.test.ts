import { zeroHash } from 'viem';
import { describe, expect, it } from 'vitest';
import {
  Book,
  type Bound,
  deposit,
  expectTruth,
  head,
  proxy,
  read,
  root,
  steps,
  submit,
  useRoot,
} from '../../test/follow.ts';
import { type Blocks, checkpointSchema, httpRpc } from '../index.ts';
import { refused } from '../rpc/errors.ts';

describe('following the root chain', () => {
  useRoot();

  it('[X1] hands out each log once, in order, and only when it is margin blocks old', async () => {
    for (let i = 0; i < 3; i++) await deposit();
    await submit();
    await deposit();
    await root.mine(12);
    const at = await head();
    const book = await read(({ height }) => height === at - 12n);
    await expectTruth(book);
    expect(book.logs.filter(({ name }) => name === 'DepositCreated')).toHaveLength(4);
    await root.mine(1);
    await deposit();
    const more = await read(({ height }) => height === at - 10n, {
      resume: book.checkpoints,
    });
    expect(more.logs).toEqual([]);
  });

  it('[X1] gives typed arguments, time and head with the logs', async () => {
    await deposit(1, 7n);
    await root.mine(2);
    const found: Blocks<Bound>[] = [];
    for await (const step of steps({ margin: 0n })) {
      if (step.kind === 'blocks') found.push(step);
      if (step.checkpoint.height === (await head())) break;
    }
    const log = found
      .flatMap(({ logs }) => logs)
      .findLast(({ name }) => name === 'DepositCreated')!;
    if (log.source !== 'ethVault' || log.name !== 'DepositCreated') throw new Error(log.name);
    expect(log.args.amount).toBe(7n);
    expect(log.args.depositor.toLowerCase()).toBe(root.sender(1).address.toLowerCase());
    expect(found.at(-1)!.head.height).toBe(await head());
    expect(found.at(-1)!.timestamp).toBeGreaterThan(1_700_000_000n);
  });

  it('[X1] goes on behind its checkpoint, which survives JSON', async () => {
    await deposit();
    await root.mine(12);
    const at = await head();
    const book = await read(({ height }) => height === at - 12n);
    const kept = book.checkpoints.map((point) =>
      checkpointSchema.parse(
        JSON.parse(JSON.stringify(point, (_, v) => (typeof v === 'bigint' ? `${v}` : v))),
      ),
    );
    await submit();
    await deposit();
    await root.mine(12);
    const end = (await head()) - 12n;
    await read(({ height }) => height === end, { resume: kept }, book);
    await expectTruth(book);
  });

  it('[X1] asks a number of questions that does not grow with the logs of a batch', async () => {
    for (let i = 0; i < 20; i++) await deposit();
    const few = await counted();
    for (let i = 0; i < 40; i++) await deposit();
    expect(await counted()).toBe(few);

    async function counted(): Promise<number> {
      const end = await head();
      proxy.asked.clear();
      await read(({ height }) => height === end, { margin: 0n });
      return [...proxy.asked.values()].reduce((sum, times) => sum + times, 0);
    }
  });

  it('reads in batches, and in smaller ones where the node refuses so many blocks', async () => {
    await deposit();
    await root.mine(200);
    await deposit();
    const end = await head();
    let largest = 0n;
    const book = await read(({ height }) => height === end, {
      margin: 0n,
      batchBlocks: 100n,
      rpc: refusing(httpRpc({ urls: [root.anvil.url] }), 30n, (blocks) => {
        if (blocks > largest) largest = blocks;
      }),
    });
    await expectTruth(book);
    expect(largest).toBeLessThanOrEqual(30n);
    expect(largest).toBeGreaterThan(10n);
  });
});

/** A node that answers at most so many blocks of logs. */
function refusing(
  rpc: ReturnType<typeof httpRpc>,
  most: bigint,
  granted: (blocks: bigint) => void,
) {
  const ask: typeof rpc.ask = async (question, signal) => {
    if (question.method !== 'eth_getLogs') return rpc.ask(question, signal);
    const [{ fromBlock, toBlock }] = question.params as [{ fromBlock: string; toBlock: string }];
    const blocks = BigInt(toBlock) - BigInt(fromBlock) + 1n;
    if (blocks > most) {
      throw refused('query exceeds max block range', {});
    }
    granted(blocks);
    return rpc.ask(question, signal);
  };
  return { ask };
}

describe('reorganisations', () => {
  useRoot();

  const reorg = (depth: number) => root.anvil.control('anvil_reorg', depth, []);

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    '[X1] of %i blocks change nothing that was handed out',
    async (depth) => {
      await deposit();
      await root.mine(13);
      const book = new Book();
      let rounds = 0;
      const stop = new AbortController();
      const reading = read(() => false, { signal: stop.signal }, book);
      for (; rounds < 3; rounds++) {
        await deposit(2, BigInt(10 * depth + rounds + 1));
        if (rounds === 1) await submit();
        await reorg(depth);
        await deposit(3, BigInt(rounds + 1));
        await root.mine(depth);
      }
      await root.mine(13);
      const end = (await head()) - 12n;
      while (book.height < end) await new Promise((resolve) => setTimeout(resolve, 5));
      stop.abort();
      await reading;
      expect(book.rewinds).toBe(0);
      await expectTruth(book);
      expect(book.logs.filter(({ name }) => name === 'DepositCreated').length).toBeGreaterThan(3);
    },
  );

  it.each([3, 6, 12])(
    '[X1] of %i blocks, deeper than the margin, are told by a rewind and read again',
    async (depth) => {
      await deposit();
      await root.mine(2);
      const margin = 1n;
      const book = await read(async ({ height }) => height === (await head()) - margin, { margin });
      for (let i = 0; i < depth - 1; i++) await deposit(2, BigInt(i + 1));
      await submit();
      let end = (await head()) - margin;
      await read(
        ({ height }) => height === end,
        { margin, batchBlocks: 1n, resume: book.checkpoints },
        book,
      );
      expect(book.rewinds).toBe(0);
      await reorg(depth);
      await deposit(3, 99n);
      await root.mine(2);
      end = (await head()) - margin;
      await read(
        ({ height }) => height === end,
        { margin, batchBlocks: 1n, resume: book.checkpoints },
        book,
      );
      expect(book.rewinds).toBe(1);
      await expectTruth(book);
    },
  );

  it('[X1] below the margin are noticed before the chain is as long again as it was', async () => {
    const margin = 2n;
    const done = async ({ height }: Book) => height === (await head()) - margin;
    await root.mine(2);
    const book = await read(done, { margin });
    const before = await root.anvil.control('evm_snapshot');
    await deposit();
    await root.mine(4);
    await read(done, { margin, resume: book.checkpoints }, book);
    await root.anvil.control('evm_revert', before);
    await root.mine(4);
    expect((await head()) - margin).toBeLessThan(book.height);
    await read(({ rewinds }) => rewinds > 0, { margin, resume: book.checkpoints }, book);
    await expectTruth(book);
  });

  it('a chain that has none of the blocks that were followed is refused', async () => {
    const resume = [
      {
        height: 3n,
        hash: `0x${'77'.repeat(32)}` as const,
        nextChildBlock: 1000n,
        nextDepositBlock: 1n,
        logs: zeroHash,
        witnessed: { height: 0n, logs: zeroHash },
      },
    ];
    await root.mine(20);
    await expect(read(() => false, { resume })).rejects.toMatchObject({
      code: 'rootchain/other-chain',
    });
  });
});
