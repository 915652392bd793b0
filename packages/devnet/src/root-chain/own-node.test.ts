import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@palisade/daemon';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NetworkClock } from '../control/network-clock.ts';
import { type OwnNode, startOwnNode } from './own-node.ts';

let folder: string;
let clock: NetworkClock;
let told: string[];
const closers: (() => unknown)[] = [];
beforeEach(() => {
  clock = new NetworkClock();
  told = [];
  folder = mkdtempSync(join(tmpdir(), 'palisade-own-node-'));
});
afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

/** A busy machine takes its time, ms. */
const PATIENCE = { timeout: 20_000, interval: 50 };

async function headOf(anvil: OwnNode['anvil']): Promise<{ number: number; timeMs: number }> {
  const { number, timestamp } = (await anvil.control('eth_getBlockByNumber', 'latest', false)) as {
    readonly number: string;
    readonly timestamp: string;
  };
  return { number: Number(number), timeMs: Number(timestamp) * 1000 };
}

/** Ends what was started, the last first, as daemons do. */
async function close(): Promise<void> {
  for (let closer = closers.pop(); closer; closer = closers.pop()) await closer();
}

async function open(): Promise<OwnNode> {
  const context = {
    onStop: (_: string, closer: () => unknown) => void closers.push(closer),
    log: silentLogger,
    fail: (error: unknown) => {
      throw error;
    },
  };
  return startOwnNode(context, { folder, clock, tell: (line) => void told.push(line) });
}

/** As much as thousands of blocks take: bytes that nothing compresses, in pieces that any request holds. */
const PIECES = [1, 2, 3].map((i) => ({
  address: `0x${`${i}`.repeat(40)}`,
  code: `0x${randomBytes(500_000).toString('hex')}`,
}));

it('goes on with what it had, however much that is', async () => {
  const { anvil } = await open();
  for (const { address, code } of PIECES) await anvil.control('anvil_setCode', address, code);
  await close();
  const { length } = readFileSync(join(folder, 'state.hex'));
  expect(length, 'more than anvil takes in a request, unless told otherwise').toBeGreaterThan(
    2 * 2 ** 20,
  );
  const again = await open();
  for (const { address, code } of PIECES)
    expect((await again.anvil.control('eth_getCode', address, 'latest')) === code).toBe(true);
});

it('leaves a state as it is that it cannot load', async () => {
  const path = join(folder, 'state.hex');
  writeFileSync(path, '0xabcd');
  await expect(open()).rejects.toMatchObject({ code: 'devnet/root-chain-spoilt' });
  await close();
  expect(readFileSync(path, 'utf8')).toBe('0xabcd');
});

it('keeps what it saved before while it cannot save, says so, and counts nothing that is not saved', async () => {
  const { anvil } = await open();
  const path = join(folder, 'state.hex');
  const head = async () => BigInt(String(await anvil.control('eth_blockNumber')));
  const transact = async () => {
    const [from] = (await anvil.control('eth_accounts')) as string[];
    const hash = await anvil.control('eth_sendTransaction', { from, to: from });
    const receipt = () => anvil.control('eth_getTransactionReceipt', hash);
    await expect.poll(receipt, PATIENCE).not.toBeNull();
    const { blockNumber } = (await receipt()) as { blockNumber: string };
    return BigInt(blockNumber);
  };
  const deep = await transact();
  await expect.poll(head, PATIENCE).toBe(deep + 4n);
  const kept = readFileSync(path, 'utf8');
  const aside = `${folder}-aside`;
  renameSync(folder, aside);
  try {
    const loose = await transact();
    await expect.poll(() => told, PATIENCE).toHaveLength(1);
    expect(told[0]).toMatch(/cannot be saved.*what was saved before stays.*palisade reset/);
    expect(readFileSync(join(aside, 'state.hex'), 'utf8') === kept).toBe(true);
    expect(await head(), 'no block on top of what is not saved').toBe(loose);
  } finally {
    renameSync(aside, folder);
  }
  await expect.poll(() => told.at(-1), PATIENCE).toContain('saved again');
});

it('a clock that is moved brings the time and few blocks, one that is moved by nothing none', async () => {
  const { anvil } = await open();
  const before = await headOf(anvil);
  clock.moveTo(clock.aheadMs);
  clock.moveTo(clock.aheadMs + 60_000);
  await expect
    .poll(async () => (await headOf(anvil)).number - before.number, PATIENCE)
    .toBeGreaterThan(11);
  const after = await headOf(anvil);
  expect(after.number - before.number).toBeLessThan(15);
  expect(after.timeMs - before.timeMs).toBeGreaterThanOrEqual(59_000);
});

it('time that somebody moves on the root chain itself stays moved', async () => {
  const { anvil } = await open();
  await anvil.control('evm_increaseTime', 3600);
  await anvil.control('anvil_mine', '0x1');
  const [from] = (await anvil.control('eth_accounts')) as string[];
  await anvil.control('eth_sendTransaction', { from, to: from });
  const moved = await headOf(anvil);
  await expect
    .poll(async () => (await headOf(anvil)).number, PATIENCE)
    .toBeGreaterThan(moved.number + 1);
  const { timeMs } = await headOf(anvil);
  expect(timeMs).toBeLessThan(moved.timeMs + 60_000);
  expect(timeMs).toBeGreaterThan(clock.nowMs() + 3_500_000);
});
