import { v2 } from '@palisade/payments';
import type { Checkpoint, Question, Rpc } from '@palisade/rootchain';
import { type Hex, numberToHex, pad, zeroAddress, zeroHash } from 'viem';
import { expect, it } from 'vitest';
import { RootChain } from './root-chain.ts';

const CONTRACTS = {
  ...{ chainId: 1, deployedAt: 1n, framework: zeroAddress, ethVault: zeroAddress },
  ...{ erc20Vault: zeroAddress, exitGame: zeroAddress },
};
const hashAt = (height: number): Hex => pad(numberToHex(height + 1), { size: 32 });

/** Two nodes, of which one is asked at a time, by the newest blocks that they have. */
function twoNodes(heights: readonly [number, number]): Rpc {
  let at = 0;
  return {
    turn: () => {
      at = 1 - at;
    },
    ask: async <T>({ params, result }: Question<T>): Promise<T> => {
      const height = Number(params[0]);
      const block = {
        ...{ number: numberToHex(height), hash: hashAt(height), parentHash: zeroHash },
        timestamp: '0x1',
      };
      return result.parse(height > heights[at]! ? null : block);
    },
  };
}

it('[X8][X14] a node that answers but has stopped is left for one that has what was followed', async () => {
  const followed = { height: 50n, hash: hashAt(50) } as Checkpoint;
  const root = new RootChain(twoNodes([20, 60]), CONTRACTS, {}, v2);
  const told = [await root.has(followed), await root.has(followed), await root.has(followed)];
  expect(told).toEqual([false, true, true]);
});
