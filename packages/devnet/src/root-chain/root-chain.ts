/** The root chain that a development network uses: a node of its own, or another one by its address. */
import { PalisadeError, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import { type DaemonContext, ensureDir, silentLogger } from '@palisade/daemon';
import {
  createSender,
  deploy,
  httpRpc,
  publicClient,
  type RootContracts,
} from '@palisade/rootchain';
import type { Address, Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import * as z from 'zod';
import type { NetworkClock } from '../control/network-clock.ts';
import type { RootKeys } from '../network.ts';
import { startOwnNode } from './own-node.ts';
import {
  type RootChainFile,
  readRootChain,
  rootChainFolder,
  writeRootChain,
} from './root-chain-file.ts';

/** Which root chain a new network is put on. */
export type RootChainChoice = {
  /** RPC address of a node that runs already; without one the network has a node of its own. */
  readonly url?: string;
  /** Minimum exit period, s. */
  readonly exitPeriodS: number;
};

/** Ether that those who act for the network get on a node for development, wei. */
const GIFT = 100n * 10n ** 18n;
/** What a challenger has: gas for some thousand challenges, and nothing worth stealing. */
const CHALLENGER_GIFT = 10n ** 18n;
/** Wei of gas that a deployment pays at most. */
const MAX_FEE_PER_GAS = 200n * 10n ** 9n;
const RECEIPT_POLL_MS = 50;

/** Puts the contracts of a new network onto its root chain. */
export async function foundRootChain(
  root: string,
  { url, exitPeriodS }: RootChainChoice,
  keys: RootKeys,
  clock: NetworkClock,
): Promise<RootContracts> {
  const folder = rootChainFolder(root);
  await ensureDir(folder);
  const stops: (() => Promise<void> | void)[] = [];
  const life = lifeOf(stops);
  try {
    const options = { folder, clock, tell: () => {} };
    const own = url === undefined ? await startOwnNode(life, options) : undefined;
    const nowAt = url ?? own!.anvil.url;
    const rpc = httpRpc({ urls: [nowAt] });
    await endow(nowAt, keys);
    const chainId = await publicClient(rpc).getChainId();
    const end = new AbortController();
    stops.push(() => end.abort());
    const account = privateKeyToAccount(toHex(keys.operatorSecret) as Hex);
    const sender = createSender({
      ...{ rpc, account, chainId, maxFeePerGas: MAX_FEE_PER_GAS, signal: end.signal },
      receiptPollMs: RECEIPT_POLL_MS,
    });
    const validators = keys.authority.map(({ secret, votes }) => ({
      signer: addressOf(secret),
      votes,
    }));
    const contracts = await deploy({
      ...{ sender, chainId, minExitPeriodS: BigInt(exitPeriodS) },
      authority: { session: 1n, validators },
    });
    await writeRootChain(root, { url: url ?? null, nowAt, contracts });
    return contracts;
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

/** Starts the root chain of a network that has one; answers where it is reached. What goes wrong later is told. */
export async function startRootChain(
  context: DaemonContext,
  root: string,
  keys: RootKeys,
  clock: NetworkClock,
  tell: (line: string) => void,
): Promise<RootChainFile> {
  const file = (await readRootChain(root))!;
  const options = { folder: rootChainFolder(root), clock, tell };
  const own = file.url === null ? await startOwnNode(context, options) : undefined;
  const now = { ...file, nowAt: own?.anvil.url ?? file.nowAt };
  await writeRootChain(root, now);
  await endow(now.nowAt, keys);
  return now;
}

/** Gives ether to those who need it, where the node is one for development; elsewhere they must have it. */
async function endow(url: string, keys: RootKeys): Promise<void> {
  const rpc = httpRpc({ urls: [url] });
  const client = publicClient(rpc);
  const gifts: readonly (readonly [Uint8Array, bigint])[] = [
    [keys.operatorSecret, GIFT],
    [keys.clientSecret, GIFT],
    [keys.challengerSecret, CHALLENGER_GIFT],
  ];
  for (const [secret, gift] of gifts) {
    const address = addressOf(secret);
    if ((await client.getBalance({ address })) >= gift / 2n) continue;
    try {
      const params = [address, `0x${gift.toString(16)}`];
      await rpc.ask({ method: 'anvil_setBalance', params, result: z.unknown() });
    } catch (cause) {
      throw new PalisadeError({
        code: 'devnet/no-ether',
        message: `${address} needs ${gift} wei on the root chain at ${url}, which gives nothing away.`,
        next: 'Send it that much, and start again.',
        cause,
      });
    }
  }
}

export function addressOf(secret: Uint8Array): Address {
  return toHex(secp256k1.addressOf(secret)) as Address;
}

/** The life of a node that runs for the deployment alone. */
function lifeOf(stops: (() => Promise<void> | void)[]) {
  return {
    onStop: (_name: string, stop: () => Promise<void> | void) => void stops.push(stop),
    fail: (error: unknown) => {
      throw error;
    },
    log: silentLogger,
  };
}
