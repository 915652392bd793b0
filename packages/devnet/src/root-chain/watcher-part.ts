/** The watcher of a development network: challenges what is wrong, from an account with gas money alone. */
import { join } from 'node:path';
import type { DaemonContext } from '@palisade/daemon';
import { startWatcher } from '@palisade/watcher';
import type { ChildChainPlaces } from '../files.ts';
import { HOST, type Part } from '../parts.ts';
import type { RootChainFile } from './root-chain-file.ts';

/** As validators wait, so that a development network is quick; a public root chain needs twelve. */
const FINALITY_MARGIN = 3;
/**
 * Blocks come twice a second while there is work, then every five seconds, and less often when nothing happens
 * for minutes. What is reckoned in blocks is so sooner or later than by this figure; a challenge still comes before half of its time has passed by the clock.
 */
const BLOCK_TIME_MS = 1000;
const POLL_MS = 500;

/** Starts it beside the validators' child chain; `context` stops it. */
export async function watchChildChain(
  { onStop, log }: DaemonContext,
  { folders, network, ports, clock, rootChain }: Part & { readonly rootChain: RootChainFile },
): Promise<ChildChainPlaces> {
  const { contracts, nowAt } = rootChain;
  const [childChainPort, port] = ports.services as [number, number];
  const childChainUrl = `http://${HOST}:${childChainPort}`;
  const watcher = await startWatcher({
    settings: {
      ...{ framework: contracts.framework, deployedAt: Number(contracts.deployedAt) },
      ...{ rootChain: [nowAt], childChain: childChainUrl, finalityMargin: FINALITY_MARGIN },
      ...{ blockTimeMs: BLOCK_TIME_MS, pollMs: POLL_MS },
    },
    challengerSecret: network.rootKeys.challengerSecret,
    ...{ dataDir: join(folders.root, 'watcher'), port, clock },
    log: log.child({ module: 'watcher' }),
  });
  onStop('watcher', () => watcher.stop());
  return { rootChain, childChainUrl, watcherUrl: watcher.url };
}
