import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { account, startRoot } from '../../test/root.ts';
import { bindings } from '../contracts.ts';
import { deploy } from '../dev/deploy.ts';
import { publicClient } from '../rpc/provider.ts';
import { httpRpc } from '../rpc/rpc.ts';
import { type AuthoritySession, blockRootCall, rotationCall, sortedMembers } from './authority.ts';

const ROOT = `0x${'ab'.repeat(32)}` as const;

let root: Awaited<ReturnType<typeof startRoot>>;
let current: AuthoritySession;
let nextBlock: () => Promise<bigint>;

/** Ten votes each. */
const membersOf = (indices: readonly number[]) =>
  sortedMembers(indices.map((i) => ({ signer: account(i).address, votes: 10n })));
const keysOf = (indices: readonly number[]) =>
  new Map(indices.map((i) => [account(i).address.toLowerCase(), account(i)]));
const send = async (data: `0x${string}`) =>
  (await root.sender(5).send({ to: current.contract, data })).kind;

beforeAll(async () => {
  root = await startRoot();
  const members = membersOf([1, 2, 3, 4]);
  const contracts = await deploy({
    ...{ sender: root.operator, chainId: 31_337, minExitPeriodS: 600n },
    authority: { session: 3n, validators: members },
  });
  current = { contract: contracts.authority!, chainId: 31_337, session: 3n, members };
  const client = publicClient(httpRpc({ urls: [root.anvil.url] }));
  const { framework } = bindings(contracts);
  nextBlock = () => client.readContract({ ...framework, functionName: 'nextChildBlock' });
});
afterAll(() => root.stop());

describe('the validators’ authority', () => {
  it('[X8] takes a root that more than two thirds of the votes signed, whoever brings it, and no other', async () => {
    const block = { blknum: 1000n, root: ROOT };
    expect(await send(await blockRootCall(current, block, keysOf([1, 2])))).toBe('refused');
    expect(await nextBlock()).toBe(1000n);
    expect(await send(await blockRootCall(current, block, keysOf([1, 2, 4])))).toBe('mined');
    expect(await nextBlock()).toBe(2000n);
  });

  it('[X8] hands over by the same majority; the old ones have no say after that', async () => {
    const next = { ...current, session: 9n, members: membersOf([2, 3, 5]) };
    expect(await send(await rotationCall(current, next, keysOf([3, 4])))).toBe('refused');
    expect(await send(await rotationCall(current, next, keysOf([1, 3, 4])))).toBe('mined');
    const block = { blknum: 2000n, root: ROOT };
    expect(await send(await blockRootCall(current, block, keysOf([1, 2, 3, 4])))).toBe('refused');
    expect(await send(await blockRootCall(next, block, keysOf([2, 3, 5])))).toBe('mined');
  });
});
