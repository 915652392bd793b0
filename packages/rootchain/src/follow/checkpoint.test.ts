import { describe, expect, it } from 'vitest';
import { FakeRoot, followed } from '../../test/fake-root.ts';
import { DENSE_CHECKPOINTS } from '../params.ts';
import { type Checkpoint, thinned } from './checkpoint.ts';

const STEPS = 20_000;

describe('the checkpoints that are kept', () => {
  it('[X1] are few, and of every depth one is there that is at most twice as deep', () => {
    let kept: readonly Checkpoint[] = [];
    for (let step = 0; step < STEPS; step++) {
      kept = thinned([...kept, { height: BigInt(step) } as Checkpoint]);
      if (step % 997 !== 0) continue;
      const depths = kept.map(({ height }) => step - Number(height)).reverse();
      expect(depths.slice(0, DENSE_CHECKPOINTS)).toEqual(
        Array.from({ length: Math.min(DENSE_CHECKPOINTS, step + 1) }, (_, i) => i),
      );
      expect(depths.length).toBeLessThanOrEqual(DENSE_CHECKPOINTS + 2 * Math.log2(step + 1) + 2);
      // The first one is where everything begins.
      expect(depths.at(-1)).toBe(step);
      for (const [i, depth] of depths.entries())
        if (i >= DENSE_CHECKPOINTS) expect(depth).toBeLessThanOrEqual(2 * depths[i - 1]!);
    }
  });
});

describe('a root chain that takes back hours', () => {
  /** Follows block by block up to a height; answers what is kept of it. */
  async function checkpointsUpTo(chain: FakeRoot, height: number): Promise<readonly Checkpoint[]> {
    let kept: readonly Checkpoint[] = [];
    chain.mine(20);
    const grow = () => chain.mine(1);
    await followed(
      { rpc: chain.node() },
      ({ checkpoint }) => {
        kept = thinned([...kept, checkpoint]);
        return chain.height === height;
      },
      grow,
    );
    return kept;
  }

  it('[X1] is followed from the newest block that is left of what was, also by who starts anew', async () => {
    const chain = new FakeRoot();
    const depth = 300;
    const resume = await checkpointsUpTo(chain, 350);
    const fork = chain.height - depth;
    chain.takeBack(depth);
    chain.mine(100, 7n);
    chain.mine(depth);
    let rewound = chain.height;
    const seen: bigint[] = [];
    await followed({ rpc: chain.node(), resume }, (step) => {
      if (step.kind === 'rewind') rewound = Number(step.checkpoint.height);
      else
        for (const { name, args } of step.logs)
          if (name === 'ExitFinalized') seen.push(args.exitId);
      return Number(step.checkpoint.height) === chain.height - 12;
    });
    expect(rewound).toBeLessThanOrEqual(fork);
    expect(seen).toEqual([7n]);
  });

  it('[X1] is told of while it is still shorter than what was followed', async () => {
    const chain = new FakeRoot();
    const resume = await checkpointsUpTo(chain, 100);
    chain.takeBack(60);
    const left = chain.height;
    chain.mine(10);
    let rewound = 0;
    let looks = 0;
    await followed(
      { rpc: chain.node(), resume },
      (step) => {
        if (step.kind === 'rewind') rewound = Number(step.checkpoint.height);
        return true;
      },
      () => {
        if (++looks === 100) throw new Error('nobody noticed');
      },
    );
    expect(rewound).toBe(left);
  });
});
