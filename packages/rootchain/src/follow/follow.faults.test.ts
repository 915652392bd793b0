import { describe, expect, it } from 'vitest';
import {
  deposit,
  expectTruth,
  head,
  proxy,
  read,
  root,
  submit,
  useRoot,
} from '../../test/follow.ts';
import type { Fault, Lie } from '../../test/proxy.ts';
import { httpRpc, type Rpc } from '../index.ts';
import { refused } from '../rpc/errors.ts';
import { blockAt } from '../rpc/shapes.ts';

useRoot();

describe('a node that fails', () => {
  const FAULTS: readonly Fault[] = [
    'dies',
    'html',
    'half',
    'other-id',
    'status-429',
    'limit-error',
    'internal-error',
    'status-503',
    'endless',
    'wrong-shape',
    'hangs',
  ];
  it.each(FAULTS)('[X1] is asked again for ever when it %s, at any question', async (fault) => {
    await deposit();
    await submit();
    const end = await head();
    const told: string[] = [];
    proxy.failEach(fault, 2);
    const book = await read(({ height }) => height === end, {
      margin: 0n,
      // Only these say nothing at all.
      timeoutMs: fault === 'hangs' || fault === 'endless' ? 100 : 30_000,
      onTrouble: ({ code }) => told.push(code),
    });
    await expectTruth(book);
    // Chain, block before the first, head, two blocks, their logs, two counters: twice each.
    expect(told.length).toBeGreaterThanOrEqual(16);
    expect(told.every((code) => code.startsWith('rootchain/'))).toBe(true);
  });

  it('[X1] waits longer each time, spread by chance, and never above its longest pause', async () => {
    proxy.fail(...Array.from({ length: 30 }, () => 'html' as const));
    const pauses: number[] = [];
    await read(() => true, {
      margin: 0n,
      firstPauseMs: 100,
      waiting: {
        sleep: async (ms) => void pauses.push(ms),
        random: () => 0,
        now: () => 0,
      },
    });
    expect(pauses.slice(0, 4)).toEqual([50, 100, 200, 400]);
    expect(Math.max(...pauses)).toBe(15_000);
  });

  it('ends quietly by its signal, also in the middle of a dead node', async () => {
    const stop = new AbortController();
    proxy.fail(...Array.from({ length: 1000 }, () => 'dies' as const));
    setTimeout(() => stop.abort(), 50);
    expect((await read(() => false, { signal: stop.signal })).logs).toEqual([]);
  });

  it('of another chain is refused at once', async () => {
    const contracts = { ...root.contracts, chainId: 1 };
    await expect(read(() => true, { contracts })).rejects.toMatchObject({
      code: 'rootchain/other-chain',
    });
  });
});

describe('a node that lies', () => {
  type RawLog = { topics: string[]; blockNumber: string; blockHash: string; logIndex: string };
  const logs = (change: (list: RawLog[]) => RawLog[]): Lie => {
    return (method, _, result) =>
      method === 'eth_getLogs' ? change(structuredClone(result) as RawLog[]) : result;
  };
  const isBlock = ({ topics }: RawLog) =>
    topics[0] === '0x5a978f4723b249ccf79cd7a658a8601ce1ff8b89fc770251a6be35216351ce32';
  const LIES: Readonly<Record<string, Lie>> = {
    'forgets a submitted block': logs((list) => list.filter((log) => !isBlock(log))),
    'forgets a deposit': logs((list) => list.filter(({ topics }) => topics.length < 4)),
    'forgets the last log': logs((list) => list.slice(0, -1)),
    'says there is nothing': logs(() => []),
    'tells a log twice': logs((list) => [...list, list[0]!]),
    'tells logs of other blocks': logs((list) => [
      ...list,
      { ...list[0]!, blockNumber: '0xffff', logIndex: '0x0' },
    ]),
    'tells logs of a block that is not on the chain': logs((list) =>
      list.map((log, i) =>
        i === list.length - 1 ? { ...log, blockHash: `0x${'ab'.repeat(32)}` } : log,
      ),
    ),
    'tells an event that there is not': logs((list) =>
      list.map((log, i) => (i === 0 ? { ...log, topics: [`0x${'cd'.repeat(32)}`] } : log)),
    ),
    'names another parent': (method, params, result) =>
      method === 'eth_getBlockByNumber' && params[0] !== 'latest'
        ? { ...(result as object), parentHash: `0x${'ee'.repeat(32)}` }
        : result,
    'counts other blocks': (method, _, result) =>
      method === 'eth_call' ? `0x${'11'.repeat(32)}` : result,
  };

  it.each(Object.keys(LIES))('[X1] hands out nothing false while the node %s', async (name) => {
    await deposit();
    await submit();
    await deposit();
    await root.mine(3);
    // The last block has a log, so that its hash can be compared.
    await deposit();
    const end = await head();
    let troubles = 0;
    proxy.lie(LIES[name]);
    const book = await read(({ height }) => height === end, {
      margin: 0n,
      onTrouble: () => {
        // Long enough to be believed, if that were all it takes.
        if (++troubles === 8) proxy.lie(undefined);
      },
    });
    expect(troubles).toBeGreaterThanOrEqual(8);
    await expectTruth(book);
  });

  it('[X1] a log that was missing in an earlier batch is found, and the batches are read again', async () => {
    const before = await head();
    const honest = await read(({ height }) => height === before, { margin: 0n });
    await deposit();
    await root.mine(150);
    const missed = await submit();
    await root.mine(150);
    await deposit();
    const end = await head();
    let lies = true;
    proxy.lie((method, _, result) =>
      lies && method === 'eth_getLogs'
        ? (result as RawLog[]).filter((log) => !isBlock(log))
        : result,
    );
    const book = await read(
      ({ height, rewinds }) => {
        // The batch with the lie was far below the head, where states are gone: nothing to compare with.
        if (rewinds > 0) lies = false;
        return height === end;
      },
      { margin: 0n, batchBlocks: 20n, resume: honest.checkpoints },
      honest,
    );
    expect(book.rewinds).toBeGreaterThan(0);
    expect(book.logs.some(({ height }) => height === missed.blockNumber)).toBe(true);
    await expectTruth(book);
  });

  it('[X1] what no counter misses, another node tells; one that is silent holds up nothing', async () => {
    const end = await head();
    let troubles = 0;
    let hidden = 0;
    proxy.lie(
      logs((list) => {
        const told = list.filter(
          ({ topics }) => topics.length !== 1 || isBlock({ topics } as RawLog),
        );
        hidden += list.length - told.length;
        return told;
      }),
    );
    const witness = httpRpc({ urls: [root.anvil.url] });
    const book = await read(({ height }) => height === end, {
      margin: 0n,
      witness,
      onTrouble: () => {
        if (++troubles === 8) proxy.lie(undefined);
      },
    });
    expect(hidden).toBeGreaterThan(0);
    expect(troubles).toBe(8);
    await expectTruth(book);
    const silent = httpRpc({ urls: ['http://127.0.0.1:1'] });
    await expectTruth(await read(({ height }) => height === end, { margin: 0n, witness: silent }));
  });

  it('[X1] a replica that lags behind its head only makes it wait', async () => {
    await deposit();
    const end = await head();
    let lag = 4;
    proxy.lie((method, params, result) => {
      if (method !== 'eth_getBlockByNumber' || params[0] === 'latest') return result;
      return lag-- > 0 ? null : result;
    });
    await expectTruth(await read(({ height }) => height === end, { margin: 0n }));
  });

  it('[X1] the state of a block that it has thrown away is not waited for: a newer head will do', async () => {
    await deposit();
    const end = await head();
    const honest = httpRpc({ urls: [root.anvil.url] });
    const thrownAway = await honest.ask(blockAt(end));
    let refusals = 0;
    const ask: Rpc['ask'] = async (question, signal) => {
      const isOfIt = JSON.stringify(question.params).includes(thrownAway!.hash);
      if (question.method !== 'eth_call' || !isOfIt) return honest.ask(question, signal);
      if (++refusals === 3) await root.mine(1);
      throw refused('missing trie node', {});
    };
    const book = await read(({ height }) => height > end, { margin: 0n, rpc: { ask } });
    expect(refusals).toBe(3);
    await expectTruth(book);
  });
});
