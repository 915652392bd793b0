/** The parts of a development network as daemons: one node that hosts all validators, and partners. */
import { accountSigner } from '@palisade/core';
import type { DaemonContext } from '@palisade/daemon';
import { type RunningNode, startNode } from '@palisade/node';
import { type RunningPartner, startPartner } from '@palisade/partner';
import type { Folders, Ports } from './files.ts';
import type { Network, Timing } from './network.ts';

/** The development network is for one machine: everything listens on the loopback. */
export const HOST = '127.0.0.1';
/** Blocks between two cold restarts of the shadow: two sessions of 60 blocks. */
const SHADOW_RESTART_BLOCKS = 120;

export type Part = {
  readonly network: Network;
  readonly timing: Timing;
  readonly folders: Folders;
  readonly ports: Ports;
};

const clock = { nowMs: () => Date.now() };

export function startValidators(
  context: DaemonContext,
  { network, timing, folders, ports }: Part,
): Promise<RunningNode> {
  return startNode(context, {
    genesis: network.genesis,
    dataDir: folders.node,
    validators: network.validators.map(({ name, nodeSecret }, i) => ({
      name,
      secret: nodeSecret,
      port: ports.validators[i]!,
    })),
    host: HOST,
    blockTimeMs: timing.blockTimeMs,
    guardMs: timing.guardMs,
    clock,
    faucetSecret: network.faucetSecret,
    shadow: true,
    shadowRestartEvery: SHADOW_RESTART_BLOCKS,
  });
}

/** A log file in the folder of a part; the terminal is for the story. */
export function openLog(
  name: string,
  folder: string,
  level: 'debug' | 'info' | 'warn',
): RootLogger {
  return createLogger(
    logSection.parse({ level, stdout: false, file: join(folder, 'log', 'palisade.log') }),
    { name },
  );
}
