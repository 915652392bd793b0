/** A root chain in memory, for what takes thousands of blocks or two nodes that disagree: blocks, exits that end, and nodes that tell of them or do not. */
import { encodeEventTopics, encodeFunctionData, type Hex, numberToHex, pad } from 'viem';
import {
  bindings,
  exitGameAbi,
  type FollowOptions,
  follow,
  type Question,
  type RootContracts,
  type Rpc,
  type Step,
} from '../src/index.ts';
import { refused, trouble } from '../src/rpc/errors.ts';

const at = (byte: string) => `0x${byte.repeat(20)}` as const;
export const CONTRACTS: RootContracts = {
  ...{ chainId: 31_337, deployedAt: 1n, framework: at('f0'), ethVault: at('f1') },
  ...{ erc20Vault: at('f2'), exitGame: at('f3') },
};
export const SOURCES = bindings(CONTRACTS);

const NEXT_CHILD_BLOCK = encodeFunctionData({
  ...SOURCES.framework,
  functionName: 'nextChildBlock',
});

/** One node of the chain, and what is wrong with it. */
export type FakeNode = Rpc & {
  /** Answers nothing at all. */
  isSilent: boolean;
  /** Exits whose logs it leaves out. */
  readonly hides: Set<bigint>;
  /** Blocks that it is behind. */
  lag: number;
  /** Logs of more blocks are refused. */
  mostBlocks: number;
  /** Logs of blocks up to here are refused. */
  prunedTo: number;
  /** Questions by method. */
  readonly asked: Map<string, number>;
};

export class FakeRoot {
  /** What makes each block's hash: its number and the branch it is on. */
  #branches: number[] = [0];
  #branch = 0;
  readonly #exits = new Map<number, bigint>();

  get height(): number {
    return this.#branches.length - 1;
  }

  /** Blocks, in the last of which an exit ends. */
  mine(blocks: number, exitId?: bigint): void {
    for (let i = 0; i < blocks; i++) this.#branches.push(this.#branch);
    if (exitId !== undefined) this.#exits.set(this.height, exitId);
  }

  /** Takes back so many blocks; what is mined from now on are others. */
  takeBack(blocks: number): void {
    for (let i = 0; i < blocks; i++) this.#exits.delete(this.#branches.length - 1 - i);
    this.#branches.length -= blocks;
    this.#branch++;
  }

  hashAt(height: number): Hex {
    return pad(numberToHex(this.#branches[height]! * 1_000_000 + height + 1), { size: 32 });
  }

  node(name?: string): FakeNode {
    const asked = new Map<string, number>();
    const node: FakeNode = {
      ...{ isSilent: false, hides: new Set(), lag: 0, mostBlocks: 1_000_000, prunedTo: 0, asked },
      ...(name === undefined ? {} : { node: name }),
      ask: async <T>({ method, params, result }: Question<T>): Promise<T> => {
        asked.set(method, (asked.get(method) ?? 0) + 1);
        if (node.isSilent) throw trouble('unreachable', 'It says nothing.');
        return result.parse(this.#answer(node, method, params));
      },
    };
    return node;
  }

  #answer(node: FakeNode, method: string, params: readonly unknown[]): unknown {
    const head = this.height - node.lag;
    if (method === 'eth_chainId') return numberToHex(CONTRACTS.chainId);
    if (method === 'eth_getBlockByNumber')
      return this.#block(params[0] === 'latest' ? head : Number(params[0]), head);
    if (method === 'eth_getLogs') return this.#logs(node, head, params[0] as LogFilter);
    const [{ data }] = params as [{ data: Hex }];
    return pad(numberToHex(data === NEXT_CHILD_BLOCK ? 1000 : 1), { size: 32 });
  }

  #block(number: number, head: number): unknown {
    if (number > head) return null;
    return {
      ...{ number: numberToHex(number), hash: this.hashAt(number) },
      ...{ parentHash: this.hashAt(Math.max(0, number - 1)), timestamp: numberToHex(12 * number) },
    };
  }

  #logs(
    { hides, mostBlocks, prunedTo }: FakeNode,
    head: number,
    { fromBlock, toBlock }: LogFilter,
  ) {
    const [from, to] = [Number(fromBlock), Number(toBlock)];
    if (to - from + 1 > mostBlocks) throw refused('too many blocks', {});
    if (from <= prunedTo) throw refused('no blocks so old', {});
    const told = [...this.#exits].filter(([height, exitId]) => {
      return height >= from && height <= Math.min(to, head) && !hides.has(exitId);
    });
    return told.map(([height, exitId]) => ({
      ...{ address: CONTRACTS.exitGame, data: '0x', logIndex: '0x0', transactionIndex: '0x0' },
      topics: encodeEventTopics({ abi: exitGameAbi, eventName: 'ExitFinalized', args: { exitId } }),
      ...{ blockNumber: numberToHex(height), blockHash: this.hashAt(height) },
      transactionHash: this.hashAt(height),
    }));
  }
}

type LogFilter = { readonly fromBlock: Hex; readonly toBlock: Hex };

/** Follows a node without pauses, until `done`, which is asked after each step; lets the chain go on when nothing is new. */
export async function followed(
  options: Partial<FollowOptions<typeof SOURCES>> & { readonly rpc: Rpc },
  done: (step: Step<typeof SOURCES>) => boolean,
  idle: () => void = () => {},
): Promise<void> {
  const sleep = async () => {
    idle();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const waiting = { sleep, random: () => 0, now: () => 0 };
  const steps = follow({ contracts: CONTRACTS, sources: SOURCES, waiting, ...options });
  for await (const step of steps) if (done(step)) return;
}
