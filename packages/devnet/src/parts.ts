/**
 * The parts of a development network as daemons: one node that hosts all validators, and partners. Each
 * is loaded when it starts: where parts are processes of their own, a partner holds no engine.
 */
import { join } from 'node:path';
import { accountSigner, type Clock, toHex } from '@palisade/core';
import { createLogger, type DaemonContext, logSection, type RootLogger } from '@palisade/daemon';
import type { NodeOptions, RunningNode } from '@palisade/node';
import type { PartnerConfig, PartnerOptions, RunningPartner } from '@palisade/partner';
import { DEVELOPMENT_SECTORS_PARAMS } from '@palisade/power';
import type { Folders, Ports } from './files.ts';
import { lentTo, type Network, type NodeIdentity, POPULATION, type Timing } from './network.ts';
import type { RootChainFile } from './root-chain/root-chain-file.ts';

/** The development network is for one machine: everything listens on the loopback. */
export const HOST = '127.0.0.1';
/** Asking prices of the partners, base units per MiB and session: 0.001 PAL, and 10 % more each. */
const PRICES = [10n, 11n, 12n, 13n, 14n].map((tenths) => tenths * 10n ** 14n);
/** Likewise of the computers, per 2^20 instructions: a run of 10^9 costs 0.001 PAL. */
const COMPUTE_PRICES = [10n, 11n, 12n].map((tenths) => tenths * 10n ** 11n);
/** Likewise of access, per MiB carried. */
const ACCESS_PRICE = 10n ** 15n;
/** What may be unpaid in a tunnel (market chapter, "Development network values"), ms and bytes. */
const VOUCHER_MS = 5000;
const VOUCHER_BYTES = 4 * 2 ** 20;
/** Modules that each computer runs at once: a development machine has few cores. */
const SLOTS = 1;
/** Room that each partner offers, bytes: a development machine has a disk for other things too. */
const QUOTA = 8 * 2 ** 30;
/** Pause between two looks at a root chain on this machine, ms. */
const ROOT_POLL_MS = 500;
/** Part of a session over which answers to audits are spread, ppm: so few partners may all answer at once. */
const AUDIT_SPREAD_PPM = 5000;
/** Room on the disk that stays free, bytes. */
const RESERVE = 512 * 2 ** 20;

export type LogLevel = 'debug' | 'info' | 'warn';

export type Part = {
  readonly network: Network;
  readonly timing: Timing;
  readonly folders: Folders;
  readonly ports: Ports;
  /** Where the tunnels of one more partner may lead; without a place there is no such partner. */
  readonly allow: readonly string[];
  /** Sectors that each storing partner keeps proven; without any, nobody lends power. */
  readonly sectors: number;
  /** Shared by all parts of a process. */
  readonly clock: Clock;
  /** Which the child chain follows; the validators go on without it, too. */
  readonly rootChain?: RootChainFile;
};

/** What tests look into, and what partners of one process share. */
export type PartnerExtras = Pick<PartnerOptions, 'diskHook' | 'sealer'>;

export async function startValidators(
  context: DaemonContext,
  { network, timing, folders, ports, clock, rootChain }: Part,
  faults?: NodeOptions['faults'],
): Promise<RunningNode> {
  const { DEVELOPMENT_POOL_TIMING, startNode } = await import('@palisade/node');
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
    pool: DEVELOPMENT_POOL_TIMING,
    clock,
    faucetSecret: network.faucetSecret,
    shadow: true,
    ...(rootChain ? { rootChain: optionsOf(rootChain, network, ports) } : {}),
    ...(faults ? { faults } : {}),
  });
}

function optionsOf({ contracts, nowAt }: RootChainFile, network: Network, ports: Ports) {
  return {
    ...{ urls: [nowAt], contracts, port: ports.services[0]!, pollMs: ROOT_POLL_MS },
    authoritySecrets: network.validators.map(({ accountSecret }) => accountSecret),
    operatorSecret: network.rootKeys.operatorSecret,
  };
}

/** Who serves: those that keep files, those that run modules, and one that leads elsewhere. */
export function partnersOf({ network, allow }: Part): readonly NodeIdentity[] {
  return allow.length > 0 ? [...network.partners, network.accessPartner] : network.partners;
}

/** What the partner of an index offers. */
export function utilityOf(i: number): 'storage' | 'compute' | 'access' {
  const { partners, computers } = POPULATION;
  if (i < partners) return 'storage';
  return i < partners + computers ? 'compute' : 'access';
}

/** Looks at a window, to be proven in it: one may fall into a busy moment, and one be the last. */
const LOOKS = 5;

function miningOf({ network, timing, sectors }: Part, i: number): PartnerConfig['mining'] {
  const windowMs = DEVELOPMENT_SECTORS_PARAMS.windowBlocks * timing.blockTimeMs;
  const tickMs = Math.max(LEAST_TICK_MS, Math.floor(windowMs / LOOKS));
  return { sectors, tickMs, lendTo: lentTo(network, i).map(toHex) };
}

/** Pause between two looks where blocks come without any pause, ms. */
const LEAST_TICK_MS = 100;

/** Starts the partner of index `i`, from 0; `context` stops it. */
export async function startOnePartner(
  { log, onStop }: DaemonContext,
  part: Part,
  i: number,
  validators: readonly string[],
  extras: PartnerExtras = {},
): Promise<RunningPartner> {
  const { DEVELOPMENT_TIMING, startPartner } = await import('@palisade/partner');
  const { timing, folders, ports, clock, allow } = part;
  const { name, nodeSecret, accountSecret } = partnersOf(part)[i]!;
  const utility = utilityOf(i);
  const prices = [...PRICES, ...COMPUTE_PRICES, ACCESS_PRICE];
  const partner = await startPartner({
    config: {
      partner: { price: prices[i]!, quotaBytes: QUOTA, reserveBytes: RESERVE },
      compute: { slots: utility === 'compute' ? SLOTS : 0 },
      access: {
        allow: utility === 'access' ? [...allow] : [],
        voucherMs: VOUCHER_MS,
        voucherBytes: VOUCHER_BYTES,
      },
      mining: utility === 'storage' ? miningOf(part, i) : {},
      timing: {
        ...DEVELOPMENT_TIMING,
        auditSpreadPpm: AUDIT_SPREAD_PPM,
        stillActiveMs: Math.min(DEVELOPMENT_TIMING.stillActiveMs, timing.sessionMs),
      },
    },
    nodeSecret,
    accountSigner: accountSigner(accountSecret),
    clock,
    dataDir: folders.partner(i + 1),
    validators,
    host: HOST,
    port: ports.partners[i]!,
    name,
    log,
    processMetrics: i === 0,
    ...extras,
  });
  onStop(name, () => partner.stop());
  return partner;
}

/** The context of one of several parts in a process, with a log of its own. */
export function contextOf(
  context: DaemonContext,
  name: string,
  folder: string,
  level: LogLevel,
): DaemonContext {
  const log = openLog(name, folder, level);
  context.onStop(`log of ${name}`, () => log.close());
  return { ...context, name, log };
}

/** A log file in the folder of a part; the terminal is for the story. */
export function openLog(name: string, folder: string, level: LogLevel): RootLogger {
  return createLogger(
    logSection.parse({ level, stdout: false, file: join(folder, 'log', 'palisade.log') }),
    { name },
  );
}
