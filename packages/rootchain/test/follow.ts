/** Follows a test's root chain through a liar, and compares with what the node itself says. */
import { type Abi, createPublicClient, decodeEventLog, http } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import {
  type Checkpoint,
  type FollowOptions,
  follow,
  httpRpc,
  type RootLog,
  type Step,
} from '../src/index.ts';
import { type Liar, startProxy } from './proxy.ts';
import { depositCall, mined, type Root, startRoot, submitCall } from './root.ts';

export type Bound = Root['bound'];
export type Log = RootLog<Bound>;

/** What a watcher does with steps: applies them, and takes back what is void. */
export class Book {
  logs: Log[] = [];
  checkpoints: Checkpoint[] = [];
  rewinds = 0;

  apply(step: Step<Bound>): void {
    if (step.kind === 'rewind') {
      this.rewinds++;
      this.logs = this.logs.filter(({ height }) => height <= step.checkpoint.height);
      this.checkpoints = this.checkpoints.filter(({ height }) => height <= step.checkpoint.height);
    } else {
      this.logs.push(...step.logs);
      this.checkpoints.push(step.checkpoint);
    }
  }

  get height(): bigint {
    return this.checkpoints.at(-1)?.height ?? 0n;
  }
}

/** The root chain of the running test file, and a liar before it, new for each test. */
export let root: Root;
export let proxy: Liar;

/** Starts both for a test file or a group in it. */
export function useRoot(): void {
  beforeAll(async () => {
    root = await startRoot();
  });
  afterAll(async () => {
    await root?.stop();
  });
  beforeEach(async () => {
    proxy = await startProxy(root.anvil.url);
  });
  afterEach(async () => {
    await proxy.stop();
  });
}

export type Options = Partial<FollowOptions<Bound>> & { readonly timeoutMs?: number };

export function steps(options: Options = {}): AsyncGenerator<Step<Bound>, void, void> {
  const { timeoutMs = 30_000, ...more } = options;
  return follow({
    rpc: httpRpc({ urls: [proxy.url], timeoutMs, maxBytes: 1_000_000 }),
    contracts: root.contracts,
    sources: root.bound,
    pollMs: 5,
    firstPauseMs: 1,
    ...more,
  });
}

/** Follows until `done`, which is asked after each step. */
export async function read(
  done: (book: Book) => boolean | Promise<boolean>,
  options: Options = {},
  book = new Book(),
): Promise<Book> {
  for await (const step of steps(options)) {
    book.apply(step);
    if (await done(book)) break;
  }
  return book;
}

/** The oracle: all logs of the contracts, as another client reads them from the node itself. */
export async function truth(upTo: bigint): Promise<readonly string[]> {
  const client = createPublicClient({ transport: http(root.anvil.url) });
  const named = new Map(Object.values(root.bound).map(({ address, abi }) => [address, abi as Abi]));
  const logs = await client.getLogs({
    address: [...named.keys()],
    fromBlock: root.contracts.deployedAt,
    toBlock: upTo,
  });
  return logs.map(({ address, topics, data, blockNumber, logIndex }) => {
    const abi = named.get(address.toLowerCase() as `0x${string}`)!;
    const { eventName, args } = decodeEventLog({ abi, topics, data });
    return line({ height: blockNumber, index: logIndex, name: eventName!, args: args ?? {} });
  });
}

const line = (log: { height: bigint; index: number; name: string; args: unknown }): string =>
  JSON.stringify([log.height, log.index, log.name, log.args], (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );

export const deposit = (from = 1, amount = 5n) => {
  const sender = root.sender(from);
  return mined(sender.send(depositCall(root, sender.address, amount)));
};
export const submit = () => mined(root.operator.send(submitCall(root, `0x${'5e'.repeat(32)}`)));
export const head = async () => BigInt((await root.anvil.control('eth_blockNumber')) as string);

export async function expectTruth(book: Book): Promise<void> {
  expect(book.logs.map(line)).toEqual(await truth(book.height));
}
