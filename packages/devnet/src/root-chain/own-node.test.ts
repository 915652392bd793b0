import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@palisade/daemon';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NetworkClock } from '../control/network-clock.ts';
import { type OwnNode, startOwnNode } from './own-node.ts';

let folder: string;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'palisade-own-node-'));
});
afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

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
  return startOwnNode(context, folder, new NetworkClock());
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
