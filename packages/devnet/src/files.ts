/** What a development network keeps in its folder: who it is, and where the command line finds it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { genesisHash } from '@palisade/chain';
import { formatVoucher, type KeptVoucher, voucherFileName } from '@palisade/client';
import { PalisadeError, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import { atomicWrite, ensureDir } from '@palisade/daemon';
import * as z from 'zod';
import { MAX_AHEAD_MS, type NetworkClock } from './control/network-clock.ts';
import { makeNetwork, type Network, type Timing } from './network.ts';
import type { RootChainChoice } from './root-chain/root-chain.ts';
import { type RootChainFile, readRootChain } from './root-chain/root-chain-file.ts';

const identityFile = z.object({
  seed: z.string().min(1).max(100),
  startMs: z.number().int(),
  timing: z.object({
    blockTimeMs: z.number().int().positive(),
    sessionMs: z.number().int().positive(),
    guardMs: z.number().int().nonnegative(),
  }),
});

/** The ports that a network had last: it tries to have them again. */
const portsFile = z.object({
  /** The one by which it claims a row of them; none where others gave it its ports. */
  row: z.number().int().optional(),
  validators: z.array(z.number().int()),
  partners: z.array(z.number().int()),
  /** Of the child chain's API, and of the watcher's. */
  services: z.array(z.number().int()).default([]),
});
export type Ports = z.output<typeof portsFile>;

/** How far the network's clock is ahead of the machine's, ms. */
const clockFile = z.object({
  aheadMs: z.number().int().nonnegative().max(MAX_AHEAD_MS),
  /** When this was written, by the machine's clock, ms. */
  writtenMs: z.number().int(),
});
export type ClockFile = z.output<typeof clockFile>;

/** Folders of a network. */
export type Folders = {
  readonly root: string;
  readonly node: string;
  /** Of the client whose story is told. */
  readonly client: string;
  readonly partner: (number: number) => string;
};

export function foldersOf(root: string): Folders {
  return {
    root,
    node: join(root, 'node'),
    client: join(root, 'client'),
    partner: (number) => join(root, `partner-${number}`),
  };
}

/**
 * The network of a folder, made when there is none yet.
 * @throws PalisadeError `devnet/other-timing` when it was made with other block or session times.
 */
export async function openNetwork(
  root: string,
  wanted: {
    readonly seed?: string;
    readonly timing: Timing;
    readonly clock: NetworkClock;
    /** For a new network; none without. */
    readonly rootChain?: RootChainChoice;
  },
): Promise<{ readonly network: Network; readonly timing: Timing; readonly fresh: boolean }> {
  const path = join(root, 'identity.json');
  await ensureDir(root);
  const fresh = !existsSync(path);
  if (fresh) {
    const { timing, clock, rootChain, seed = 'palisade' } = wanted;
    const identity = { seed, startMs: clock.nowMs(), timing };
    const { rootKeys } = makeNetwork(seed, identity.startMs, timing);
    if (rootChain) {
      const { foundRootChain } = await import('./root-chain/index.ts');
      await foundRootChain(root, rootChain, rootKeys, clock);
    }
    await atomicWrite(path, `${JSON.stringify(identity, null, 2)}\n`);
  }
  const { seed, startMs, timing } = identityFile.parse(JSON.parse(await readFile(path, 'utf8')));
  if (
    timing.blockTimeMs !== wanted.timing.blockTimeMs ||
    timing.sessionMs !== wanted.timing.sessionMs
  )
    throw new PalisadeError({
      code: 'devnet/other-timing',
      message: `The network in ${root} was made with blocks of ${timing.blockTimeMs} ms and sessions of ${timing.sessionMs} ms.`,
      next: 'Start it with these, or begin anew with: palisade reset',
    });
  const contracts = (await readRootChain(root))?.contracts;
  return { network: makeNetwork(seed, startMs, timing, contracts), timing, fresh };
}

/** Reads an existing network, for a process that serves a part of it. */
export async function readNetwork(root: string): Promise<{ network: Network; timing: Timing }> {
  const text = await readFile(join(root, 'identity.json'), 'utf8');
  const { seed, startMs, timing } = identityFile.parse(JSON.parse(text));
  const contracts = (await readRootChain(root))?.contracts;
  return { network: makeNetwork(seed, startMs, timing, contracts), timing };
}

export async function readPorts(root: string): Promise<Ports | undefined> {
  try {
    return portsFile.parse(JSON.parse(await readFile(join(root, 'ports.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

export async function writePorts(root: string, ports: Ports): Promise<void> {
  await atomicWrite(join(root, 'ports.json'), `${JSON.stringify(ports)}\n`);
}

/** @throws when the file is there and says nothing that can be a clock: time must not go back unseen */
export async function readClock(root: string): Promise<ClockFile> {
  const path = join(root, 'clock.json');
  if (!existsSync(path)) return { aheadMs: 0, writtenMs: Date.now() };
  return clockFile.parse(JSON.parse(await readFile(path, 'utf8')));
}

export async function writeClock(
  root: string,
  clock: NetworkClock,
  aheadMs = clock.aheadMs,
): Promise<void> {
  const file: ClockFile = { aheadMs, writtenMs: clock.machineMs() };
  await atomicWrite(join(root, 'clock.json'), `${JSON.stringify(file)}\n`);
}

/** Where a network's child chain is reached. */
export type ChildChainPlaces = {
  readonly rootChain: RootChainFile;
  readonly childChainUrl: string;
  readonly watcherUrl: string;
};

/** As the command line and `devnet --json` are told. */
export function describeChild({ rootChain, childChainUrl, watcherUrl }: ChildChainPlaces) {
  const { contracts, nowAt } = rootChain;
  return {
    rootChain: nowAt,
    contracts: { ...contracts, deployedAt: Number(contracts.deployedAt) },
    url: childChainUrl,
    watcher: watcherUrl,
  };
}

/** Tells the command line how to reach the network and which account is funded. */
export async function writeConnection(
  root: string,
  network: Network,
  urls: readonly string[],
  child?: ChildChainPlaces,
): Promise<void> {
  const connection = {
    chainId: network.genesis.chainId,
    genesisHash: toHex(genesisHash(network.genesis)),
    urls,
    faucet: true,
    ...(child ? { childChain: describeChild(child) } : {}),
    client: {
      address: toHex(secp256k1.addressOf(network.clientSecret)),
      secret: toHex(network.clientSecret),
    },
  };
  const text = `${JSON.stringify(connection, null, 2)}\n`;
  await atomicWrite(join(root, 'network.json'), text, { mode: 0o600 });
}

/** Writes the client's vouchers into a folder, each before it leaves. */
export function keepVouchersIn(folder: string): (voucher: KeptVoucher) => Promise<void> {
  return async (voucher) => {
    await ensureDir(folder);
    await atomicWrite(join(folder, voucherFileName(voucher)), formatVoucher(voucher));
  };
}
