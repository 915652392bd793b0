/**
 * The development network: validators and partners of one seed, in this process or in one process
 * each. It remembers who it is in its folder, so that stopping and starting goes on with the chain.
 */
import type { Clock } from '@palisade/core';
import type { DaemonContext } from '@palisade/daemon';
import type { NodeOptions } from '@palisade/node';
import type { PartnerOptions } from '@palisade/partner';
import { registerCollators } from './collators.ts';
import { controlActions } from './control/actions.ts';
import { openDoor } from './control/door.ts';
import { NetworkClock } from './control/network-clock.ts';
import { keepParts, type RunningParts } from './control/parts-keeper.ts';
import { finishRevert } from './control/snapshots.ts';
import {
  type ChildChainPlaces,
  foldersOf,
  openNetwork,
  readClock,
  writeConnection,
} from './files.ts';
import { accountOf, type Network, POPULATION, type Timing } from './network.ts';
import { HOST } from './parts.ts';
import { choosePorts } from './ports.ts';
import { superviseProcesses } from './processes.ts';
import type { RootChainChoice } from './root-chain/root-chain.ts';
import { readRootChain } from './root-chain/root-chain-file.ts';
import { startInProcess } from './together.ts';

export type DevnetOptions = {
  /** Folder of everything it keeps. */
  readonly root: string;
  readonly timing: Timing;
  /** Of the keys; only used when the network is new. */
  readonly seed?: string;
  /** One process for the validators and one for each partner, as on different machines. */
  readonly processes: boolean;
  /** Where the tunnels of one more partner may lead, as `host:port`; none without. */
  readonly allow?: readonly string[];
  /** Sectors that each storing partner keeps proven as power, for the draw of seats; none without. */
  readonly sectors?: number;
  /** Where a new network has its child chain's contracts; no child chain without. */
  readonly rootChain?: RootChainChoice;
  /** Lets the root chain of a network that has one be. */
  readonly leaveRootChain?: boolean;
  /** Level of the log files. */
  readonly logLevel: 'debug' | 'info' | 'warn';
  /** Hears what happens to the parts, in words. */
  readonly onNews?: (line: string) => void;
  /** For tests: told at the named moments of every block; only where all is one process. */
  readonly faults?: NodeOptions['faults'];
  /** For tests: told before every step that a partner's store does to its disk; likewise. */
  readonly diskHook?: PartnerOptions['diskHook'];
  /** For tests: the program of the threads that seal; likewise. */
  readonly sealThread?: URL;
  /** For tests: what counts as the machine's clock; likewise. */
  readonly machine?: Clock;
};

export type RunningDevnet = {
  readonly network: Network;
  readonly timing: Timing;
  /** True when the chain began just now. */
  readonly fresh: boolean;
  /** Its time, which `palisade dev warp` moves on. */
  readonly clock: Clock;
  /** Where its child chain is reached, where there is one. */
  readonly childChain?: ChildChainPlaces;
} & Pick<RunningParts, 'urls' | 'partnerUrls' | 'pids'>;

/** A network without a root chain is better than none. */
async function possible({
  rootChain,
  onNews,
}: DevnetOptions): Promise<RootChainChoice | undefined> {
  if (!rootChain || rootChain.url !== undefined) return rootChain;
  const { hasAnvil } = await import('@palisade/rootchain');
  if (hasAnvil()) return rootChain;
  onNews?.('there is no node of Ethereum for this platform: the network has no child chain');
  return undefined;
}

export async function startDevnet(
  context: DaemonContext,
  options: DevnetOptions,
): Promise<RunningDevnet> {
  const { root, timing: wanted, seed } = options;
  const rootChain = await possible(options);
  await finishRevert(root);
  const clock = new NetworkClock((await readClock(root)).aheadMs, options.machine);
  const opened = await openNetwork(root, {
    ...{ timing: wanted, clock },
    ...(seed === undefined ? {} : { seed }),
    ...(rootChain === undefined ? {} : { rootChain }),
  });
  const { network, timing, fresh } = opened;
  const ports = await choosePorts(context, root, HOST);
  const { allow = [], sectors = 0, onNews: tell = () => {} } = options;
  const part = { network, timing, folders: foldersOf(root), ports, clock, allow, sectors };
  const begin = options.processes ? superviseProcesses : startInProcess;
  const hasRootChain = !options.leaveRootChain && (await readRootChain(root)) !== undefined;
  let childChain: ChildChainPlaces | undefined;
  const keeper = await keepParts(context, async (inner) => {
    const ours = hasRootChain ? await import('./root-chain/index.ts') : undefined;
    const rootChain = await ours?.startRootChain(inner, root, network.rootKeys, clock, tell);
    const parts = await begin(inner, { ...part, ...(rootChain ? { rootChain } : {}) }, options);
    if (ours && rootChain) {
      childChain = await ours.watchChildChain(inner, { ...part, rootChain });
      await writeConnection(root, network, parts.urls, childChain);
    }
    if (sectors > 0) registerCollators(inner, network, parts.urls);
    return parts;
  });
  const { urls, partnerUrls } = keeper.parts();
  await writeConnection(root, network, urls, childChain);
  const miners = sectors > 0 ? network.partners.slice(0, POPULATION.partners).map(accountOf) : [];
  await openDoor(context, root, controlActions({ root, network, miners, clock, keeper }));
  return {
    ...{ network, timing, fresh, clock, urls, partnerUrls },
    ...(childChain ? { childChain } : {}),
    get pids() {
      return keeper.parts().pids;
    },
  };
}
