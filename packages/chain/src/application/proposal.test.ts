import { command, compareBytes, type Opened, toHex, u64 } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountOf, type Chain, PAL, startChain } from '../../test/chain-kit.ts';
import { bytesKey, collection, handle, type JobFileRule, type Module, send } from '../index.ts';
import { isInBlockOrder, type OpenedTx, orderForBlock } from './proposal.ts';

/** A module whose commands make up job files, as the market's requests do. */
const filed = collection({ store: 'toy', name: 'job', key: [bytesKey(32)], value: u64 });
const ask = command({
  name: 'toy.ask',
  title: 'Ask',
  doc: 'Puts a job into the file.',
  signer: 'account',
  lane: 'jobs',
  fields: { what: u64 },
});
const toy: Module = {
  name: 'toy',
  commands: [
    handle(ask, {
      verify: () => undefined,
      apply: ({ state, txId }, { what }) => filed.set(state, [txId], what),
    }),
  ],
};
const jobFile: JobFileRule = {
  command: ask.name,
  isOnChain: (state, id) => filed.has(state, id),
};

const names = ['alice', 'bob'] as const;
const [alice, bob] = names.map(accountOf) as [
  ReturnType<typeof accountOf>,
  ReturnType<typeof accountOf>,
];

function begin(weights?: readonly bigint[]): Promise<Chain> {
  return startChain({
    accounts: { alice: 100n * PAL, bob: 100n * PAL },
    modules: () => [toy],
    jobFile,
    ...(weights ? { weights } : {}),
  });
}

const askBy = (chain: Chain, who: typeof alice, what: bigint) => chain.sign(who, ask, { what });

describe('the order of a block', () => {
  it('[V2V-4] is the job file by id, each sender in the order of its nonces, then the rest as it came', async () => {
    const chain = await begin();
    const jobs: Uint8Array[] = [];
    for (let i = 0; i < 6; i++) jobs.push(await askBy(chain, i % 2 === 0 ? alice : bob, BigInt(i)));
    const others = [
      await chain.sign(bob, send, { to: alice.id, denom: 'pal', amount: 1n }),
      await chain.sign(alice, send, { to: bob.id, denom: 'pal', amount: 1n }),
    ];
    const offered = [others[0]!, ...[...jobs].reverse(), others[1]!, jobs[2]!];
    const proposed = await chain.propose(offered);
    expect(proposed).toHaveLength(8);
    expect(proposed.slice(6).map(toHex)).toEqual(others.map(toHex));
    const { results } = await chain.decide(proposed);
    expect(results.every(({ code }) => code === 0)).toBe(true);
    // Without regard to senders the ids ascend.
    const single = await begin();
    const sorted = await single.propose([
      await askBy(single, alice, 1n),
      await askBy(single, bob, 2n),
    ]);
    const ids = await Promise.all(sorted.map((tx) => single.idOf(tx)));
    expect(compareBytes(ids[0]!, ids[1]!)).toBeLessThan(0);
  });

  it('[V2V-4] in another order, or with a double, is rejected by everyone', async () => {
    const chain = await begin();
    const jobs = [await askBy(chain, alice, 1n), await askBy(chain, bob, 2n)];
    const other = await chain.sign(alice, send, { to: bob.id, denom: 'pal', amount: 1n });
    const good = await chain.propose([...jobs, other]);
    expect(await chain.wouldAccept(good)).toBe(true);
    expect(await chain.wouldAccept([good[1]!, good[0]!, good[2]!])).toBe(false);
    expect(await chain.wouldAccept([good[2]!, good[0]!, good[1]!])).toBe(false);
    expect(await chain.wouldAccept([...good, good[2]!])).toBe(false);
    expect(await chain.wouldAccept([good[0]!, good[0]!, ...good.slice(1)])).toBe(false);
  });

  it('equal words of two senders are two transactions', async () => {
    const chain = await begin();
    const words = { to: accountOf('carol').id, denom: 'pal', amount: PAL };
    const both = [await chain.sign(alice, send, words), await chain.sign(bob, send, words)];
    const { results } = await chain.block(both);
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(chain.free(accountOf('carol'))).toBe(2n * PAL);
  });

  it('ordering is stable: what is in order stays, whatever the order it came in', () => {
    const tx = (id: number, sender: number, nonce: number, isJob: boolean): OpenedTx => ({
      bytes: new Uint8Array(),
      opened: {
        declaration: isJob ? ask : send,
        value: { nonce: BigInt(nonce) },
        id: Uint8Array.of(id),
        sender: Uint8Array.of(sender),
      } as unknown as Opened,
    });
    const aTx = fc.tuple(fc.nat(255), fc.nat(3), fc.nat(5), fc.boolean());
    fc.assert(
      fc.property(fc.array(aTx, { maxLength: 30 }), fc.integer(), (raw, salt) => {
        const txs = raw.map((parts) => tx(...parts));
        const ordered = orderForBlock(txs, jobFile);
        expect(isInBlockOrder(ordered, jobFile)).toBe(true);
        expect(orderForBlock(ordered, jobFile)).toEqual(ordered);
        const jobsOf = (all: readonly OpenedTx[]) =>
          all.filter(({ opened }) => opened.declaration.name === ask.name);
        const shuffled = [...jobsOf(ordered)].sort(
          (a, b) => ((a.opened.id[0]! * salt) % 7) - ((b.opened.id[0]! * salt) % 7),
        );
        const key = ({ opened }: OpenedTx) =>
          `${opened.sender[0]} ${(opened.value as { nonce: bigint }).nonce}`;
        expect(jobsOf(orderForBlock(shuffled, jobFile)).map(key)).toEqual(jobsOf(ordered).map(key));
        for (const sender of [0, 1, 2, 3]) {
          const nonces = jobsOf(ordered)
            .filter(({ opened }) => opened.sender[0] === sender)
            .map(({ opened }) => (opened.value as { nonce: bigint }).nonce);
          expect(nonces).toEqual([...nonces].sort((a, b) => Number(a - b)));
        }
      }),
    );
  });
});

describe('jobs that validators confirmed in time', () => {
  /** A chain whose validators of these indices say that the last block lacks alice's job. */
  async function missing(weights: readonly bigint[], by: readonly number[]) {
    const chain = await begin(weights);
    await chain.block();
    const job = await askBy(chain, alice, 7n);
    const id = await chain.idOf(job);
    await chain.block([], { missed: Object.fromEntries(by.map((index) => [index, [id]])) });
    return { chain, job };
  }

  it('[V2V-4] named by more than a third of the weight must be in the next block', async () => {
    const { chain, job } = await missing([33n, 33n, 34n], [2]);
    const without = await chain.propose([]);
    expect(await chain.wouldAccept(without)).toBe(false);
    const within = await chain.propose([job]);
    expect(await chain.wouldAccept(within)).toBe(true);
    await chain.decide(within);
    expect(await chain.wouldAccept(await chain.propose([]))).toBe(true);
  });

  it('[V2V-4] named by exactly a third, or less, may be left out', async () => {
    for (const [weights, by] of [
      [[10n, 10n, 10n], [1]],
      [[33n, 33n, 34n], [0]],
      [
        [1n, 1n, 1n, 3n],
        [0, 1],
      ],
    ] as const) {
      const { chain } = await missing(weights, by);
      expect(await chain.wouldAccept(await chain.propose([]))).toBe(true);
    }
  });

  it('[V2V-4] count the weight of all validators, those that did not vote too', async () => {
    const chain = await begin([10n, 10n, 10n, 10n]);
    await chain.block();
    const id = await chain.idOf(await askBy(chain, alice, 7n));
    await chain.block([], { missed: { 0: [id] }, absent: [3] });
    // 10 of 30 that voted would be a third of those, and is a fourth of all.
    expect(await chain.wouldAccept(await chain.propose([]))).toBe(true);
    await chain.block([], { missed: { 0: [id], 1: [id] }, absent: [3] });
    expect(await chain.wouldAccept(await chain.propose([]))).toBe(false);
  });

  it('[V2V-4] count once per validator, however often it names them', async () => {
    const chain = await begin([10n, 10n, 10n]);
    await chain.block();
    const id = await chain.idOf(await askBy(chain, alice, 7n));
    await chain.block([], { missed: { 0: [id, id, id] } });
    expect(await chain.wouldAccept(await chain.propose([]))).toBe(true);
  });

  it('[V2V-4] that came on chain meanwhile need not be there again', async () => {
    const chain = await begin([10n, 10n, 10n]);
    await chain.block();
    const job = await askBy(chain, alice, 7n);
    const id = await chain.idOf(job);
    await chain.block([job], { missed: { 0: [id], 1: [id] } });
    expect(await chain.wouldAccept(await chain.propose([]))).toBe(true);
  });

  it('[V2V-4] have room before all others when the block is full', async () => {
    const chain = await begin([10n]);
    await chain.block();
    const crowd: Uint8Array[] = [];
    for (let i = 0; i < 20; i++) crowd.push(await askBy(chain, bob, BigInt(i)));
    const job = await askBy(chain, alice, 7n);
    const id = await chain.idOf(job);
    await chain.block([], { missed: { 0: [id] } });
    // Room for the votes and about three jobs.
    const votes = (await chain.propose([]))[0]!.length;
    const tight = await chain.propose([...crowd, job], BigInt(votes + 4 * (job.length + 10)));
    expect(tight.length).toBeLessThan(6);
    expect(tight.map(toHex)).toContain(toHex(job));
    expect(await chain.wouldAccept(tight)).toBe(true);
  });

  it('a stranger who signs the same words does not stand in for the job', async () => {
    const { chain } = await missing([10n, 10n, 10n], [0, 1]);
    const copy = await askBy(chain, bob, 7n);
    expect(await chain.wouldAccept([...(await chain.propose([])), copy])).toBe(false);
  });
});
