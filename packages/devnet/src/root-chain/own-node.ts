/**
 * The root chain of a development network: anvil, whose state is kept in the network's folder. Whatever has
 * transactions is on the disk before blocks come on top of it, so what is deep enough to count
 * survives `kill -9`.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PalisadeError } from '@palisade/core';
import { atomicWrite, type DaemonContext, ensureDir } from '@palisade/daemon';
import { type Anvil, startAnvil } from '@palisade/rootchain';
import * as z from 'zod';
import type { NetworkClock } from '../control/network-clock.ts';

/** Blocks that are made upon one with transactions: a log counts when it is so deep. */
const DEPTH = 4n;
/** Pause between two looks, in which a block is made while one is wanted, ms. */
const LOOK_MS = 500;
/** A block is made after this time at the latest, ms: time has to pass on the root chain, too. */
const BLOCK_MS = 5000;
/**
 * Blocks that a moved clock brings, one for a second: watchers wait in blocks, 20 at most, on top of those
 * that make a log final. More would be waited for by nobody.
 */
const MOST_BLOCKS = 64;
/** States that followers can ask for: they count on a hundred. */
const KEPT_STATES = 256;

const block = z.object({
  number: z.string().transform(BigInt),
  transactions: z.array(z.unknown()),
});

export type OwnNode = { readonly anvil: Anvil; save(): Promise<void> };

/** Starts it on what its folder has; `context` ends it. */
export async function startOwnNode(
  { onStop, log, fail }: Pick<DaemonContext, 'onStop' | 'log' | 'fail'>,
  folder: string,
  clock: NetworkClock,
): Promise<OwnNode> {
  const path = join(folder, 'state.hex');
  await ensureDir(folder);
  const anvil = await startAnvil({ keptStates: KEPT_STATES });
  const end = new AbortController();
  const save = async () => atomicWrite(path, String(await anvil.control('anvil_dumpState')));
  let keeping = Promise.resolve();
  onStop('root chain', () => anvil.stop());
  if (existsSync(path)) await load(anvil, path);
  // From here on only: an empty chain must not take the place of one that could not be loaded.
  onStop('state of the root chain', async () => {
    end.abort();
    await keeping;
    await save();
  });
  const setTime = () => anvil.control('evm_setTime', Math.floor(clock.nowMs() / 1000));
  await setTime();
  // Of blocks from before it has no states any more: what is deep enough to count has to come after.
  await anvil.control('anvil_mine', `0x${(DEPTH + 1n).toString(16)}`);
  let { aheadMs } = clock;
  const forget = clock.onMove(() => {
    const seconds = Math.floor((clock.aheadMs - aheadMs) / 1000);
    aheadMs = clock.aheadMs;
    const blocks = Math.max(1, Math.min(seconds, MOST_BLOCKS));
    setTime()
      .then(() => anvil.control('anvil_mine', `0x${blocks.toString(16)}`))
      .catch((err: unknown) => log.warn('the root chain did not follow the clock', { err }));
  });
  onStop('time of the root chain', async () => forget());
  keeping = keep(anvil, save, end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) fail(error);
  });
  return { anvil, save };
}

async function load(anvil: Anvil, path: string): Promise<void> {
  try {
    await anvil.control('anvil_loadState', (await readFile(path, 'utf8')).trim());
  } catch (cause) {
    throw new PalisadeError({
      code: 'devnet/root-chain-spoilt',
      message: `${path} cannot be loaded as the state of a root chain.`,
      next: 'Begin anew with: palisade reset',
      cause,
    });
  }
}

/** Saves each block that has transactions, and then puts blocks on top of it. */
async function keep(anvil: Anvil, save: () => Promise<void>, signal: AbortSignal): Promise<void> {
  const blockAt = async (number: bigint | 'latest') => {
    const name = number === 'latest' ? number : `0x${number.toString(16)}`;
    return block.parse(await anvil.control('eth_getBlockByNumber', name, false));
  };
  let { number: seen } = await blockAt('latest');
  let wanted = seen;
  let minedMs = performance.now();
  while (!signal.aborted) {
    const head = await blockAt('latest');
    let busy: bigint | undefined;
    for (let number = head.number; number > seen && busy === undefined; number--)
      if ((await blockAt(number)).transactions.length > 0) busy = number;
    if (busy !== undefined) {
      await save();
      wanted = busy + DEPTH;
    }
    seen = head.number;
    if (seen < wanted || performance.now() - minedMs > BLOCK_MS) {
      await anvil.control('anvil_mine', '0x1');
      minedMs = performance.now();
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}
