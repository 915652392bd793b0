/**
 * The root chain of a development network: anvil, whose state is kept in the network's folder. Whatever has
 * transactions is on the disk before blocks come on top of it, so what is deep enough to count
 * survives `kill -9`. All of its blocks are kept: anvil can forget old ones, but with them their logs,
 * from which validators and watchers begin anew.
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
import { describeError } from '../describe-error.ts';
import { IdleChain } from './idle-chain.ts';

/** Blocks that are made upon one with transactions: a log counts when it is so deep. */
const DEPTH = 4;
/** Pause between two looks, in which a block is made while one is wanted, ms. */
const LOOK_MS = 500;
/** Pause after a state could not be saved, ms: somebody has to make room on the disk. */
const SAVE_AGAIN_MS = 2000;
/** States that followers can ask for: they count on a hundred. */
const KEPT_STATES = 256;

/** What anvil gives of itself: hex of a gzip, whose first bytes are always the same (RFC 1952). */
const dump = z.string().startsWith('0x1f8b');

export type OwnNode = { readonly anvil: Anvil };

type OwnNodeOptions = {
  readonly folder: string;
  readonly clock: NetworkClock;
  /** Hears what whoever runs the network should know. */
  readonly tell: (line: string) => void;
};

/** Starts it on what its folder has; `context` ends it. */
export async function startOwnNode(
  { onStop, log, fail }: Pick<DaemonContext, 'onStop' | 'log' | 'fail'>,
  { folder, clock, tell }: OwnNodeOptions,
): Promise<OwnNode> {
  const path = join(folder, 'state.hex');
  await ensureDir(folder);
  const anvil = await startAnvil({ keptStates: KEPT_STATES });
  const end = new AbortController();
  let keeping = Promise.resolve();
  onStop('root chain', () => anvil.stop());
  const chain = new IdleChain(anvil, clock);
  if (existsSync(path)) await load(anvil, path);
  // From here on only: an empty chain must not take the place of one that could not be loaded.
  onStop('state of the root chain', async () => {
    end.abort();
    chain.wake();
    await keeping;
    await save(anvil, path).catch((error: unknown) => {
      tell(describeError(error));
      throw error;
    });
  });
  // Of blocks from before it has no states any more: what is deep enough to count has to come after.
  await chain.mine(DEPTH + 1);
  const forget = clock.onMove(() => chain.moved());
  onStop('time of the root chain', async () => forget());
  const saving = async () => saveAtLast(() => save(anvil, path), { log, tell, signal: end.signal });
  keeping = keep(chain, saving, end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) fail(error);
  });
  return { anvil };
}

/**
 * Saves all of a chain; whatever goes wrong, what was saved before stays.
 * @throws PalisadeError `devnet/root-chain-not-saved`
 */
async function save(anvil: Anvil, path: string): Promise<void> {
  try {
    await atomicWrite(path, dump.parse(await anvil.control('anvil_dumpState')));
  } catch (cause) {
    throw new PalisadeError({
      code: 'devnet/root-chain-not-saved',
      message: `The root chain cannot be saved in ${path} (${(cause as Error).message}): what was saved before stays, and what came since does not count yet.`,
      next: 'Make room on the disk; what has grown too large for any begins anew with: palisade reset',
      retry: 'later',
      cause,
    });
  }
}

/** Tries until it is saved, and tells of it once. */
async function saveAtLast(
  attempt: () => Promise<void>,
  { log, tell, signal }: Pick<DaemonContext, 'log' | 'signal'> & Pick<OwnNodeOptions, 'tell'>,
): Promise<void> {
  for (let failures = 0; ; failures++)
    try {
      await attempt();
      if (failures > 0) tell('the root chain is saved again, and goes on');
      return;
    } catch (error) {
      log.error('the root chain was not saved', { err: error });
      if (failures === 0) tell(describeError(error));
      await sleep(SAVE_AGAIN_MS, undefined, { signal });
    }
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
async function keep(
  chain: IdleChain,
  save: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let { number: seen } = await chain.blockAt('latest');
  let wanted = seen;
  while (!signal.aborted) {
    const head = await chain.blockAt('latest');
    let busy: bigint | undefined;
    for (let number = head.number; number > seen && busy === undefined; number--)
      if ((await chain.blockAt(number)).transactions.length > 0) busy = number;
    if (busy !== undefined) {
      await save();
      chain.used();
      wanted = busy + BigInt(DEPTH);
    }
    seen = head.number;
    await chain.mineDue(seen < wanted ? 1 : 0);
    await chain.pause(LOOK_MS);
  }
}
