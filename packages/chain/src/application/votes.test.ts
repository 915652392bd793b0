import { encode, toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { accountOf, type Chain, PAL, startChain } from '../../test/chain-kit.ts';
import { MAX_MISSED, NO_EXTENSION, send, voteExtension } from '../index.ts';
import { MAX_EXTENSION_BYTES } from './votes.ts';

const ids = (count: number) =>
  Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(i + 1));

async function begin(): Promise<Chain> {
  const chain = await startChain({ weights: [10n, 10n, 10n, 10n], accounts: { alice: 10n * PAL } });
  await chain.blocks(3);
  return chain;
}

describe('the votes that a block carries', () => {
  it('are its first transaction; a block without them is rejected', async () => {
    const chain = await begin();
    const alice = accountOf('alice');
    const tx = await chain.sign(alice, send, { to: alice.id, denom: 'pal', amount: 1n });
    expect(await chain.wouldAccept([])).toBe(false);
    expect(await chain.wouldAccept([tx])).toBe(false);
    const [votes] = await chain.propose([]);
    expect(await chain.wouldAccept([votes!, tx])).toBe(true);
    expect(await chain.wouldAccept([tx, votes!])).toBe(false);
    expect(await chain.wouldAccept([votes!, votes!, tx])).toBe(false);
  });

  it('with any byte changed are rejected', async () => {
    const chain = await begin();
    const [votes] = await chain.propose([]);
    for (let at = 0; at < votes!.length; at++)
      expect(await chain.wouldAccept([votes!.with(at, votes![at]! ^ 0x41)]), `byte ${at}`).toBe(
        false,
      );
  });

  it('of an earlier block are rejected', async () => {
    const chain = await begin();
    const [old] = await chain.propose([]);
    await chain.block();
    expect(await chain.wouldAccept([old!])).toBe(false);
  });

  it('that were decided although they are wrong stop the node instead of parting it from others', async () => {
    const chain = await begin();
    await expect(chain.decide([])).rejects.toMatchObject({ code: 'chain/bad-decided-block' });
  });

  it('malformed, oversized or badly signed extensions of one validator do not spoil the next block', async () => {
    const nonsense = [
      Uint8Array.of(1, 2, 3),
      new Uint8Array(MAX_EXTENSION_BYTES + 1),
      new Uint8Array(200_000).fill(7),
    ];
    for (const extension of nonsense) {
      const chain = await begin();
      await chain.block([], { extensions: { 1: extension } });
      const proposed = await chain.propose([]);
      expect(proposed[0]!.length).toBeLessThan(3000);
      expect(await chain.wouldAccept(proposed)).toBe(true);
      await chain.decide(proposed);
    }
  });

  it('a proposer cannot leave out so many that less than the measure of a commit remains', async () => {
    const chain = await begin();
    // Two of four left out: half of the weight cannot speak for the block.
    await chain.block([], { extensions: { 1: Uint8Array.of(1), 2: Uint8Array.of(1) } });
    expect(await chain.wouldAccept(await chain.propose([]))).toBe(false);
  });

  it('exactly two thirds are not enough, as they are not for a commit', async () => {
    const chain = await startChain({ weights: [10n, 10n, 10n] });
    await chain.blocks(2);
    await chain.block([], { extensions: { 1: Uint8Array.of(1) } });
    expect(await chain.wouldAccept(await chain.propose([]))).toBe(false);
  });

  it('an empty extension says nothing and is fine', async () => {
    const chain = await begin();
    await chain.block([], { extensions: { 0: new Uint8Array(), 1: new Uint8Array() } });
    expect(await chain.wouldAccept(await chain.propose([]))).toBe(true);
  });
});

describe('a vote extension', () => {
  const verify = async (extension: Uint8Array) => {
    const { application } = await startChain();
    const request = {
      voteExtension: extension,
      hash: extension,
      height: 1n,
      validatorAddress: extension,
    };
    return (await application.verifyVoteExtension(request)).status;
  };

  it('is accepted as long as it is well-formed, up to the most that it can say', async () => {
    const full = { reveal: new Uint8Array(80), missed: ids(MAX_MISSED) };
    const bytes = encode(voteExtension, full);
    expect(bytes.length).toBeLessThanOrEqual(MAX_EXTENSION_BYTES);
    expect(await verify(bytes)).toBe('accept');
    expect(await verify(encode(voteExtension, NO_EXTENSION))).toBe('accept');
    expect(await verify(new Uint8Array())).toBe('accept');
  });

  it('is rejected otherwise', async () => {
    const bytes = encode(voteExtension, { ...NO_EXTENSION, missed: ids(2) });
    expect(await verify(bytes.slice(1))).toBe('reject');
    expect(await verify(Uint8Array.of(...bytes, 0))).toBe('reject');
    expect(toHex(bytes)).toHaveLength(2 + 2 * bytes.length);
  });
});
