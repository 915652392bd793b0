/**
 * The development network: validators and partners of one seed, in this process or in one process
 * each. It remembers who it is in its folder, so that stopping and starting goes on with the chain.
 */
import type { DaemonContext } from '@palisade/daemon';
import type { NodeOptions } from '@palisade/node';
import type { PartnerOptions } from '@palisade/partner';
import { foldersOf, openNetwork, writeConnection } from './files.ts';
import type { Network, Timing } from './network.ts';
import { HOST, type Part } from './parts.ts';
import { choosePorts } from './ports.ts';
import { superviseProcesses } from './processes.ts';
import { startInProcess } from './together.ts';

export type DevnetOptions = {
  /** Folder of everything it keeps. */
  readonly root: string;
  readonly timing: Timing;
  /** Of the keys; only used when the network is new. */
  readonly seed?: string;
  /** One process for the validators and one for each partner, as on different machines. */
  readonly processes: boolean;
  /** Level of the log files. */
  readonly logLevel: 'debug' | 'info' | 'warn';
  /** Hears what happens to the parts, in words. */
  readonly onNews?: (line: string) => void;
  /** For tests: told at the named moments of every block; only where all is one process. */
  readonly faults?: NodeOptions['faults'];
  /** For tests: told before every step that a partner's store does to its disk; likewise. */
  readonly diskHook?: PartnerOptions['diskHook'];
};

export type RunningDevnet = {
  readonly network: Network;
  readonly timing: Timing;
  /** True when the chain began just now. */
  readonly fresh: boolean;
  /** Base URLs of the validators: active ones first. */
  readonly urls: readonly string[];
  /** Base URLs of the partners. */
  readonly partnerUrls: readonly string[];
  /** Process ids by part; this process for all, unless they have their own. */
  readonly pids: Readonly<Record<string, number>>;
};

export async function startDevnet(
  context: DaemonContext,
  options: DevnetOptions,
): Promise<RunningDevnet> {
  const { root, timing: wanted, seed } = options;
  const opened = await openNetwork(root, {
    timing: wanted,
    nowMs: Date.now(),
    ...(seed === undefined ? {} : { seed }),
  });
  const { network, timing, fresh } = opened;
  const ports = await choosePorts(root, HOST);
  const part: Part = { network, timing, folders: foldersOf(root), ports };
  const begin = options.processes ? superviseProcesses : startInProcess;
  const started = await begin(context, part, options);
  await writeConnection(root, network, started.urls);
  return { network, timing, fresh, ...started };
}
