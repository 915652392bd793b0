import { concat, encode, toHex, u64be, utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { describe, expect, it } from 'vitest';
import { type Block, type Chain, eventsOf, startChain } from '../../test/chain-kit.ts';
import { NO_EXTENSION, secretNumber, sessions, voteExtension } from '../index.ts';
import { REVEAL_BLOCKS } from './randomness.ts';

const begin = () => startChain({ weights: [10n, 10n, 10n, 10n] });

/** Lets the session end; answers with the first block of the next one. */
async function next(chain: Chain): Promise<Block> {
  await chain.quietBlocks(2);
  return chain.block([], { afterMs: 60_000n });
}

/** What the mix of these validators' numbers must be. */
function mixOf(chain: Chain, before: Uint8Array, session: bigint, indices: readonly number[]) {
  const shown = indices
    .map((index) => chain.validators[index]!)
    .sort((a, b) => (toHex(a.nodeKey) < toHex(b.nodeKey) ? -1 : 1))
    .map(({ secret }) => secretNumber(secret, chain.domain.genesisHash, session));
  return toHex(sha256(concat(utf8('palisade/randomness/1'), before, u64be(session), ...shown)));
}

const randomnessOf = (chain: Chain) => toHex(chain.session.randomness);

describe('randomness of a session', () => {
  it('of the first one follows from nothing but its number: nobody could commit before it', async () => {
    const chain = await begin();
    await chain.block();
    expect(randomnessOf(chain)).toBe(mixOf(chain, new Uint8Array(32), 0n, []));
  });

  it('mixes what all validators committed to before and revealed after it began', async () => {
    const chain = await begin();
    await chain.blocks(3);
    const before = chain.session.randomness;
    await next(chain);
    expect(chain.session.randomnessHeight).toBe(0n);
    await chain.blocks(2);
    expect(chain.session).toMatchObject({ randomnessHeight: chain.height });
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 1n, [0, 1, 2, 3]));
  });

  it('gathers reveals over blocks, so that a proposer cannot choose among them', async () => {
    const chain = await begin();
    await chain.blocks(3);
    const before = chain.session.randomness;
    await next(chain);
    await chain.block([], { absent: [2] });
    await chain.block();
    expect(chain.session.randomnessHeight).toBe(0n);
    await chain.block();
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 1n, [0, 1, 2, 3]));
  });

  it('a missing reveal is waited for, then replaced by nothing', async () => {
    const chain = await begin();
    await chain.blocks(3);
    const before = chain.session.randomness;
    await next(chain);
    const { startHeight } = chain.session;
    const silent = { 3: encode(voteExtension, NO_EXTENSION) };
    let fixed: Block | undefined;
    while (chain.session.randomnessHeight === 0n)
      fixed = await chain.block([], { extensions: silent });
    expect(chain.height).toBe(startHeight + REVEAL_BLOCKS);
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 1n, [0, 1, 2]));
    expect(eventsOf(fixed!, 'chain.randomness-fixed')).toMatchObject([{ reveals: '3' }]);
  });

  it('a reveal that is not what was committed to counts for nothing', async () => {
    const chain = await begin();
    await chain.blocks(3);
    const before = chain.session.randomness;
    await next(chain);
    const forged = { ...NO_EXTENSION, reveal: [new Uint8Array(32).fill(9)] };
    const extensions = { 1: encode(voteExtension, forged) };
    while (chain.session.randomnessHeight === 0n) await chain.block([], { extensions });
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 1n, [0, 2, 3]));
  });

  it('a reveal without a commitment counts for nothing', async () => {
    const chain = await begin();
    const mute = { 0: new Uint8Array() };
    for (let i = 0; i < 4; i++) await chain.block([], { extensions: mute });
    const before = chain.session.randomness;
    await chain.block([], { afterMs: 60_000n, extensions: mute });
    const number = secretNumber(chain.validators[0]!.secret, chain.domain.genesisHash, 1n);
    const extensions = { 0: encode(voteExtension, { ...NO_EXTENSION, reveal: [number] }) };
    await chain.block([], { extensions });
    await chain.block();
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 1n, [1, 2, 3]));
  });

  it('a commitment stands: a second one for the same session changes nothing', async () => {
    const chain = await begin();
    await chain.blocks(3);
    const before = chain.session.randomness;
    const other = { ...NO_EXTENSION, commitment: [sha256(new Uint8Array(32))] };
    await chain.block([], { extensions: { 2: encode(voteExtension, other) } });
    await chain.block();
    await next(chain);
    await chain.blocks(2);
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 1n, [0, 1, 2, 3]));
  });

  it('a commitment that comes when its session has begun is not taken for one to the next', async () => {
    const chain = await begin();
    const mute = { 3: new Uint8Array() };
    for (let i = 0; i < 4; i++) await chain.block([], { extensions: mute });
    // Its vote on the last block of session 0 commits to session 1, and arrives with the first block of that.
    await chain.block();
    await chain.block([], { afterMs: 60_000n });
    expect(chain.session.number).toBe(1n);
    const first = sessions.need(chain.state, 0n).randomness;
    await chain.blocks(5);
    expect(randomnessOf(chain)).toBe(mixOf(chain, first, 1n, [0, 1, 2]));
    const before = chain.session.randomness;
    await next(chain);
    await chain.blocks(2);
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 2n, [0, 1, 2, 3]));
  });

  it('a session that was over too soon has none, and the chain of mixes goes on past it', async () => {
    const chain = await begin();
    await chain.blocks(3);
    const before = chain.session.randomness;
    await next(chain);
    await chain.block([], { afterMs: 60_000n });
    expect(chain.session.number).toBe(2n);
    expect(sessions.need(chain.state, 1n).randomnessHeight).toBe(0n);
    while (chain.session.randomnessHeight === 0n) await chain.block();
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 2n, []));
    // Nothing of what was disclosed for past sessions is kept.
    const left = [...chain.dump().keys()].filter((key) =>
      /^chain\/(commitment|reveal)\//.test(key),
    );
    expect(left.length).toBeLessThanOrEqual(4);
  });
});

describe('sessions', () => {
  it('end at the first block that reaches their length, one at a time, however long the chain stood still', async () => {
    const chain = await begin();
    await chain.block();
    await chain.block([], { afterMs: 58_999n });
    expect(chain.session.number).toBe(0n);
    await chain.block([], { afterMs: 1n });
    expect(chain.session).toMatchObject({ number: 1n, startHeight: 3n, startMs: chain.timeMs });
    expect(sessions.need(chain.state, 0n)).toMatchObject({ endHeight: 2n, startHeight: 0n });
    await chain.block([], { afterMs: 86_400_000n });
    expect(chain.session).toMatchObject({ number: 2n, startMs: chain.timeMs });
    await chain.block();
    expect(chain.session.number).toBe(2n);
  });
});
