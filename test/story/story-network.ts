/** A development network in this process, in a folder of its own, with a client that keeps its vouchers. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ChainClient,
  connect,
  type Environment,
  type MarketClient,
  openMarket,
} from '@palisade/client';
import { accountSigner } from '@palisade/core';
import { launchDaemon, silentLogger } from '@palisade/daemon';
import {
  type DevnetOptions,
  keepVouchersIn,
  type RunningDevnet,
  startDevnet,
  type Timing,
} from '@palisade/devnet';
import { FairClock } from '../../packages/client/test/fair-clock.ts';

export type StoryNetwork = {
  readonly root: string;
  readonly devnet: RunningDevnet;
  readonly chain: ChainClient;
  readonly market: MarketClient;
  readonly ownerSecret: Uint8Array;
  /** The network's time, for whoever else talks to it: on a busy machine nobody gives up too early. */
  readonly environment: Pick<Environment, 'nowMs' | 'sleep'>;
  /** Path of the one file of that name below a folder. */
  onlyFile(folder: string, name: string): Promise<string>;
  close(): Promise<void>;
};

export async function storyNetwork(
  timing: Timing,
  options: Pick<DevnetOptions, 'sectors' | 'sealThread'> = {},
): Promise<StoryNetwork> {
  const root = await mkdtemp(join(tmpdir(), 'palisade-story-'));
  const machine = new FairClock();
  const daemon = launchDaemon(
    'devnet',
    (context) =>
      startDevnet(context, {
        root,
        timing,
        processes: false,
        logLevel: 'info',
        machine,
        ...options,
      }),
    { log: silentLogger, dataDir: root },
  );
  const devnet = await daemon.started;
  const ownerSecret = devnet.network.clientSecret;
  const { clock } = devnet;
  const environment = { ...machine.environment, nowMs: () => clock.nowMs() };
  const chain = connect({ urls: devnet.urls, environment });
  const market = openMarket(chain, {
    signer: accountSigner(ownerSecret),
    ownerSecret,
    keepVoucher: keepVouchersIn(join(root, 'client', 'vouchers')),
  });
  return {
    root,
    devnet,
    chain,
    market,
    ownerSecret,
    environment,
    async onlyFile(folder, name) {
      const all = await readdir(folder, { recursive: true, withFileTypes: true });
      const found = all.filter((entry) => entry.isFile() && entry.name === name);
      if (found.length !== 1) throw new Error(`${folder} has ${found.length} files '${name}'`);
      return join(found[0]!.parentPath, name);
    },
    async close() {
      await daemon.stop();
      machine.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}
