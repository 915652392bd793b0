/** A development network's node in this process, with all its validators, as tests want it. */
import { launchDaemon, silentLogger } from '@palisade/daemon';
import type { Network } from '../../devnet/src/network.ts';
import { startNode } from '../src/node.ts';
import type { NodeOptions } from '../src/options.ts';

/** What a test says of its node: where its data are, and how it differs from the one below. */
export type TestNodeOptions = Partial<Omit<NodeOptions, 'genesis' | 'validators'>> &
  Pick<NodeOptions, 'dataDir'>;

/** Starts a node that makes blocks on demand and has no shadow, unless told otherwise. */
export async function startTestNode(network: Network, options: TestNodeOptions) {
  const { genesis, validators } = network;
  const daemon = launchDaemon(
    'node',
    (context) =>
      startNode(context, {
        genesis,
        validators: validators.map(({ name, nodeSecret }) => ({
          name,
          secret: nodeSecret,
          port: 0,
        })),
        host: '127.0.0.1',
        blockTimeMs: 0,
        guardMs: 0,
        clock: { nowMs: () => Date.now() },
        shadow: false,
        ...options,
      }),
    { log: silentLogger, dataDir: options.dataDir },
  );
  return { node: await daemon.started, stop: () => daemon.stop() };
}
