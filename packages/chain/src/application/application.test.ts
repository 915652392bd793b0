import { bytes32, command, equalBytes, MemoryStore, seal, toHex, u64, utf8 } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accountOf,
  type Chain,
  machineOf,
  PAL,
  startChain,
  validatorOf,
} from '../../test/chain-kit.ts';
import {
  accountQuery,
  bytesKey,
  collection,
  encodeGenesis,
  handle,
  type Module,
  paramsQuery,
  send,
  sessionQuery,
} from '../index.ts';

const alice = accountOf('alice');
const bob = accountOf('bob');
const toBob = (amount: bigint) => ({ to: bob.id, denom: 'pal', amount });
const begin = () => startChain({ accounts: { alice: 100n * PAL }, machines: { box: 'alice' } });

describe('transactions', () => {
  it('[P1] that are anything but well-formed are refused, never thrown upon', async () => {
    const chain = await begin();
    const good = await chain.sign(alice, send, toBob(PAL));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc
            .tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }))
            .map(([at, bit]) => good.with(at, good[at]! ^ bit)),
          fc.nat(good.length - 1).map((length) => good.slice(0, length)),
        ),
        async (tx) => {
          const checked = await chain.application.checkTx({ tx, type: 'new' });
          expect(checked.code).not.toBe(0);
          expect(checked.codespace).not.toBe('');
          expect(await chain.propose([tx])).toEqual([]);
          expect(await chain.wouldAccept([tx])).toBe(false);
        },
      ),
      { numRuns: 150 },
    );
    // Not even a decided block of them stops the chain.
    const { results } = await chain.decide([utf8('nonsense'), new Uint8Array()]);
    expect(results.map(({ code }) => code)).toEqual([3, 3]);
  });

  it('signed with the wrong kind of key, or for another chain, are refused', async () => {
    const chain = await begin();
    const other = await startChain({ accounts: { alice: PAL } });
    const foreign = await other.sign(alice, send, toBob(1n));
    expect(await chain.application.checkTx({ tx: foreign, type: 'new' })).toMatchObject({
      codespace: 'envelope/wrong-chain',
    });
    const value = { ...toBob(1n), nonce: 0n, maxFee: PAL };
    const box = machineOf('box');
    const machine = seal(send, value, chain.domain, box.id, new Uint8Array(64));
    expect(await chain.application.checkTx({ tx: machine, type: 'new' })).toMatchObject({
      codespace: 'envelope/wrong-signer',
    });
  });
});

describe('checking transactions before they enter a block', () => {
  it('each sees what was checked before it: nonces follow one another, money is spent once', async () => {
    const chain = await begin();
    const check = (tx: Uint8Array) => chain.application.checkTx({ tx, type: 'new' });
    const [one, two, three] = [
      await chain.sign(alice, send, toBob(60n * PAL)),
      await chain.sign(alice, send, toBob(60n * PAL)),
      await chain.sign(alice, send, toBob(1n * PAL)),
    ];
    expect(await check(two)).toMatchObject({ codespace: 'accounts/nonce-gap' });
    expect(await check(one)).toMatchObject({ code: 0 });
    expect(await check(two)).toMatchObject({ codespace: 'accounts/insufficient-funds' });
    expect(await check(three)).toMatchObject({ codespace: 'accounts/nonce-gap' });
    expect(await check(one)).toMatchObject({ codespace: 'accounts/nonce-used' });
    await chain.block([one]);
    const next = await chain.sign(alice, send, toBob(PAL));
    expect(await check(next)).toMatchObject({ code: 0 });
  });

  it('leaves no mark: with and without it, the same blocks give the same app hash', async () => {
    const [quiet, busy] = [await begin(), await begin()];
    for (let i = 0; i < 5; i++) {
      const txs = [
        await quiet.sign(alice, send, toBob(PAL)),
        await quiet.sign(alice, send, toBob(1000n * PAL)),
      ];
      const stray = await busy.sign(alice, send, { ...toBob(3n * PAL), nonce: BigInt(2 * i) });
      for (const tx of [stray, ...txs]) await busy.application.checkTx({ tx, type: 'new' });
      await busy.application.checkTx({ tx: txs[0]!, type: 'recheck' });
      const [a, b] = [await quiet.block(txs), await busy.block(txs)];
      expect(toHex(a.appHash)).toBe(toHex(b.appHash));
    }
  });
});

describe('a node that starts again', () => {
  it('goes on where it was, with the same app hash', async () => {
    const [steady, crashed] = [await begin(), await begin()];
    for (let i = 0; i < 4; i++) {
      const tx = await steady.sign(alice, send, toBob(PAL));
      const a = await steady.block([tx]);
      const b = await crashed.block([tx]);
      crashed.restart();
      expect(toHex(a.appHash)).toBe(toHex(b.appHash));
      expect(await crashed.application.info({} as never)).toMatchObject({
        lastBlockHeight: crashed.height,
      });
    }
  });

  it('between genesis and its first block hears the same genesis again', async () => {
    const chain = await begin();
    chain.restart();
    const before = chain.genesisAppHash;
    await chain.begin();
    expect(equalBytes(chain.genesisAppHash, before)).toBe(true);
  });

  it('that lost a block between finalize and commit executes it again with the same result', async () => {
    const chain = await begin();
    const tx = await chain.sign(alice, send, toBob(PAL));
    const request = {
      txs: [tx],
      decidedLastCommit: { round: 0, votes: [] },
      misbehavior: [],
      hash: new Uint8Array(32),
      height: 1n,
      timeNs: (chain.timeMs + 1000n) * 1_000_000n,
      nextValidatorsHash: new Uint8Array(32),
      proposerAddress: validatorOf(0).address,
    };
    const first = await chain.application.finalizeBlock(request);
    const again = await chain.application.finalizeBlock(request);
    expect(toHex(again.appHash)).toBe(toHex(first.appHash));
  });

  it('on damaged data refuses to run', async () => {
    const store = new MemoryStore();
    const chain = await startChain({ accounts: { alice: PAL }, store });
    await chain.block();
    const key = [...store.range('validators/', 'validators0')][0]![0];
    const value = store.get(key)!;
    await store.commit([[key, value.with(30, value[30]! ^ 1)]]);
    expect(() => chain.restart()).toThrow(/does not hash to the app hash/);
  });
});

describe('genesis', () => {
  const init = (chain: Chain, change: object) =>
    startChain({ accounts: { alice: PAL } }).then(({ application }) =>
      application.initChain({
        timeNs: 0n,
        chainId: 'kit-chain',
        consensusParams: {} as never,
        validators: [],
        appStateBytes: encodeGenesis(chain.genesis),
        initialHeight: 1n,
        ...change,
      }),
    );

  it('of another chain, id or first height is refused', async () => {
    const same = await startChain({ accounts: { alice: PAL } });
    const other = await startChain({ accounts: { alice: 2n * PAL } });
    await expect(init(same, {})).resolves.toBeDefined();
    const code = { code: 'chain/foreign-genesis' };
    await expect(init(other, {})).rejects.toMatchObject(code);
    await expect(init(same, { chainId: 'other' })).rejects.toMatchObject(code);
    await expect(init(same, { initialHeight: 5n })).rejects.toMatchObject(code);
  });
});

describe('queries', () => {
  const ask = (chain: Chain, path: string, data: Uint8Array) =>
    chain.application.query({ path, data, height: 0n, prove: false });

  it('are answered in JSON by the declaration of the question', async () => {
    const chain = await begin();
    await chain.run(alice, send, toBob(PAL));
    const params = utf8(JSON.stringify({ address: toHex(bob.id) }));
    const { value } = await ask(chain, `/q/${accountQuery.name}`, params);
    expect(JSON.parse(new TextDecoder().decode(value))).toEqual({
      nonces: [],
      balances: [{ denom: 'pal', free: PAL.toString(), held: '0' }],
      holds: [],
    });
    expect(await ask(chain, `/q/${paramsQuery.name}`, new Uint8Array())).toMatchObject({ code: 0 });
  });

  it('that make no sense are refused with a code, whatever their bytes are', async () => {
    const chain = await begin();
    const path = `/q/${sessionQuery.name}`;
    const cases = [
      [path, utf8('{'), 'chain/bad-query'],
      [path, Uint8Array.of(0xff, 0xfe), 'chain/bad-query'],
      [path, utf8('{}'), 'schema/invalid'],
      [path, utf8('{"number":"7"}'), 'chain/not-found'],
      ['/q/no.such', utf8('{}'), 'chain/unknown-query'],
      ['nonsense', utf8('{}'), 'chain/unknown-query'],
    ] as const;
    for (const [where, data, code] of cases)
      expect(await ask(chain, where, data)).toMatchObject({ code: 1, codespace: code });
  });
});

describe('commands of modules', () => {
  const things = collection({ store: 'toy', name: 'thing', key: [bytesKey(32)], value: u64 });
  const touch = command({
    name: 'toy.touch',
    title: 'Touch',
    doc: 'Writes a thing, and may be refused after a look at it.',
    signer: 'account',
    fields: { id: bytes32, amount: u64 },
  });
  const toy: Module = {
    name: 'toy',
    commands: [
      handle(touch, {
        verify: ({ state }, { id }) =>
          things.has(state, id) ? { code: 'toy/known', message: '', retry: 'never' } : undefined,
        apply: ({ state }, { id, amount }) => things.set(state, [id], amount),
      }),
    ],
  };

  it('see what earlier commands of the same block did', async () => {
    const chain = await startChain({ accounts: { alice: PAL }, modules: () => [toy] });
    const id = new Uint8Array(32).fill(1);
    const txs = [
      await chain.sign(alice, touch, { id, amount: 1n }),
      await chain.sign(alice, touch, { id, amount: 2n }),
    ];
    const { results } = await chain.block(txs);
    expect(results.map(({ codespace }) => codespace)).toEqual(['', 'toy/known']);
    expect(things.get(chain.state, id)).toBe(1n);
  });
});
