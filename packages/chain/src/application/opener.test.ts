import { catalogue, type Opened, type Refusal, signingDomain } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { accountOf, startChain } from '../../test/chain-kit.ts';
import { send } from '../index.ts';
import { inlineOpener, rememberingOpener, type TxOpener } from './opener.ts';

async function transactions(
  count: number,
): Promise<{ chain: Awaited<ReturnType<typeof startChain>>; txs: Uint8Array[] }> {
  const chain = await startChain();
  const alice = accountOf('alice');
  const txs: Uint8Array[] = [];
  for (let i = 0; i < count; i++)
    txs.push(await chain.sign(alice, send, { to: alice.id, denom: 'pal', amount: BigInt(i) }));
  return { chain, txs };
}

describe('an opener that remembers', () => {
  it('checks each transaction once, and bad ones every time', async () => {
    const { chain, txs } = await transactions(3);
    let checked = 0;
    const inner = inlineOpener(catalogue([send]), chain.domain);
    const opener = rememberingOpener({
      open(all) {
        checked += all.length;
        return inner.open(all);
      },
    });
    const bad = txs[0]!.with(20, 255);
    const first = await opener.open([...txs, bad]);
    const second = await opener.open([bad, ...txs]);
    expect(checked).toBe(5);
    expect(second.slice(1)).toEqual(first.slice(0, 3));
    expect((second[0] as Refusal).code).toMatch(/^envelope\//);
  });

  it('[ENG] forgets the oldest when what it remembers is too large together', async () => {
    const { chain, txs } = await transactions(6);
    let checked = 0;
    const inner = inlineOpener(catalogue([send]), chain.domain);
    const counting: TxOpener = {
      open(all) {
        checked += all.length;
        return inner.open(all);
      },
    };
    const room = 4 * Math.max(...txs.map(({ length }) => length));
    const opener = rememberingOpener(counting, 100, room);
    await opener.open(txs);
    await opener.open(txs.slice(2));
    expect(checked).toBe(6);
    await opener.open(txs.slice(0, 2));
    expect(checked).toBe(8);
  });

  it('[ENG] takes no transaction for another that ends in the same bytes', async () => {
    const { txs } = await transactions(1);
    const alike = Uint8Array.of(1, ...txs[0]!);
    const sizes: TxOpener = {
      open: async (all) => all.map((tx) => ({ size: tx.length }) as Opened),
    };
    const opener = rememberingOpener(sizes);
    for (const tx of [txs[0]!, alike, txs[0]!])
      expect(await opener.open([tx])).toEqual([{ size: tx.length }]);
  });

  it('still has an answer when others crowd it out while it waits', async () => {
    const { chain, txs } = await transactions(6);
    const inner = inlineOpener(catalogue([send]), chain.domain);
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let slow = false;
    const waiting: TxOpener = {
      async open(all) {
        if (slow) await gate;
        return inner.open(all);
      },
    };
    const opener = rememberingOpener(waiting, 2);
    await opener.open(txs.slice(0, 2));
    slow = true;
    const pending = opener.open(txs.slice(0, 3));
    slow = false;
    await opener.open(txs.slice(3));
    letGo();
    const answers = (await pending) as Opened[];
    expect(answers.map(({ value }) => (value as { amount: bigint }).amount)).toEqual([0n, 1n, 2n]);
  });

  it('refuses what was signed for another chain', async () => {
    const { txs } = await transactions(1);
    const opener = inlineOpener(catalogue([send]), signingDomain(new Uint8Array(32)));
    expect((await opener.open(txs))[0]).toMatchObject({ code: 'envelope/wrong-chain' });
  });
});
