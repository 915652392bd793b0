import { concat, encode, toHex, u64be } from '@palisade/core';
import { blake3, ecvrf } from '@palisade/core/crypto';
import { describe, expect, it } from 'vitest';
import { type Block, type Chain, eventsOf, startChain } from '../../test/chain-kit.ts';
import { missedReveals, NO_EXTENSION, sessions, voteExtension } from '../index.ts';
import { REVEAL_BLOCKS } from './randomness.ts';

const begin = () => startChain({ weights: [10n, 10n, 10n, 10n] });

/** Lets the session end; answers with the first block of the next one. */
async function next(chain: Chain): Promise<Block> {
  await chain.quietBlocks(2);
  return chain.block([], { afterMs: 60_000n });
}

async function untilFixed(chain: Chain, extensions = {}): Promise<Block> {
  for (;;) {
    const block = await chain.block([], { extensions });
    if (chain.session.randomnessHeight !== 0n) return block;
  }
}

/** What the mix of these validators' outputs must be. */
function mixOf(chain: Chain, before: Uint8Array, session: bigint, indices: readonly number[]) {
  const input = concat(before, u64be(session));
  const outputs = indices
    .map((index) => chain.validators[index]!)
    .sort((a, b) => (toHex(a.nodeKey) < toHex(b.nodeKey) ? -1 : 1))
    .map(({ secret, nodeKey }) => ecvrf.verify(nodeKey, input, ecvrf.prove(secret, input))!);
  return toHex(blake3(concat(before, u64be(session), ...outputs)));
}

const randomnessOf = (chain: Chain) => toHex(chain.session.randomness);
const saying = (reveal: Uint8Array) => encode(voteExtension, { ...NO_EXTENSION, reveal });
const SILENCE = encode(voteExtension, NO_EXTENSION);

describe('randomness of a session', () => {
  it('[P8] of the first one is mixed over what names the chain', async () => {
    const chain = await begin();
    await untilFixed(chain);
    expect(chain.height).toBe(2n);
    expect(randomnessOf(chain)).toBe(mixOf(chain, chain.domain.genesisHash, 0n, [0, 1, 2, 3]));
  });

  it('[P8] mixes what all validators make of the last one after the session began', async () => {
    const chain = await begin();
    await untilFixed(chain);
    const before = chain.session.randomness;
    await next(chain);
    expect(chain.session.randomnessHeight).toBe(0n);
    await chain.blocks(2);
    expect(chain.session).toMatchObject({ randomnessHeight: chain.height });
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 1n, [0, 1, 2, 3]));
  });

  it('[P8] gathers reveals over blocks, so that a proposer cannot choose among them', async () => {
    const chain = await begin();
    await untilFixed(chain);
    const before = chain.session.randomness;
    await next(chain);
    await chain.block([], { absent: [2] });
    await chain.block();
    expect(chain.session.randomnessHeight).toBe(0n);
    await chain.block();
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 1n, [0, 1, 2, 3]));
  });

  it('[P8] a missing reveal is waited for, then replaced by nothing, and noted as a fault', async () => {
    const chain = await begin();
    await untilFixed(chain);
    const before = chain.session.randomness;
    await next(chain);
    const { startHeight } = chain.session;
    const fixed = await untilFixed(chain, { 3: SILENCE });
    expect(chain.height).toBe(startHeight + REVEAL_BLOCKS);
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 1n, [0, 1, 2]));
    expect(eventsOf(fixed, 'chain.randomness-fixed')).toMatchObject([{ reveals: '3' }]);
    const { nodeKey } = chain.validators[3]!;
    const missed = [{ session: '1', validator: toHex(nodeKey) }];
    expect(eventsOf(fixed, 'chain.reveal-missed')).toEqual(missed);
    expect(missedReveals.has(chain.state, 1n, nodeKey)).toBe(true);
    await next(chain);
    await untilFixed(chain);
    expect(missedReveals.has(chain.state, 1n, nodeKey)).toBe(false);
  });

  it("[P8] a proof of something else, or another's proof, counts for nothing", async () => {
    const chain = await begin();
    await untilFixed(chain);
    const before = chain.session.randomness;
    await next(chain);
    const [first, second] = chain.validators;
    const input = concat(before, u64be(1n));
    const extensions = {
      0: saying(ecvrf.prove(first!.secret, concat(before, u64be(2n)))),
      1: saying(ecvrf.prove(first!.secret, input)),
      2: saying(ecvrf.prove(second!.secret, input).subarray(1)),
    };
    await untilFixed(chain, extensions);
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 1n, [3]));
  });

  it('a session that was over too soon has none, and the chain of mixes goes on past it', async () => {
    const chain = await begin();
    await untilFixed(chain);
    const before = chain.session.randomness;
    await next(chain);
    await chain.block([], { afterMs: 60_000n });
    expect(chain.session.number).toBe(2n);
    expect(sessions.need(chain.state, 1n).randomnessHeight).toBe(0n);
    await untilFixed(chain);
    expect(randomnessOf(chain)).toBe(mixOf(chain, before, 2n, [0, 1, 2, 3]));
    // Nothing of what was revealed for past sessions is kept.
    expect([...chain.state.range('chain/reveal/', 'chain/reveal0')]).toEqual([]);
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
