/** The root chain as a watcher reads it: facts from logs, exits' records at the newest block, and the present. */

import { PalisadeError } from '@palisade/core';
import {
  type Blocks,
  bindings,
  type Patience,
  publicClient,
  type RootContracts,
  type Rpc,
} from '@palisade/rootchain';
import { type Address, getAddress, zeroAddress } from 'viem';
import type { Tip } from '../exits/chain-view.ts';
import type { Exit } from '../exits/records.ts';
import type { RootTime } from '../lateness.ts';
import { FACT_NAMES, type RootFact, readFact } from './facts.ts';

export type RootSources = ReturnType<typeof bindings>;
export type RootBatch = Blocks<RootSources>;

/** The newest block, and what gas costs there. */
export type Head = RootTime & { readonly baseFee: bigint };

/** Records of exits that one call asks for: each costs the node a few storage reads. */
const RECORDS_PER_CALL = 200;
const INTERESTING: ReadonlySet<string> = new Set(FACT_NAMES);

export class RootChain {
  readonly client: ReturnType<typeof publicClient>;
  readonly sources: RootSources;
  readonly contracts: RootContracts;
  readonly rpc: Rpc;

  constructor(rpc: Rpc, contracts: RootContracts, patience: Patience) {
    this.client = publicClient(rpc, patience);
    this.contracts = contracts;
    this.rpc = rpc;
    this.sources = bindings(contracts);
  }

  async head(): Promise<Head> {
    const { number, timestamp, baseFeePerGas } = await this.client.getBlock();
    return { height: Number(number), seconds: Number(timestamp), baseFee: baseFeePerGas ?? 0n };
  }

  async minExitPeriodSeconds(): Promise<number> {
    const { framework } = this.sources;
    return Number(await this.client.readContract({ ...framework, functionName: 'minExitPeriod' }));
  }

  /** What logs say, with what they leave out. @throws PalisadeError `watcher/bad-fact` */
  async facts({ logs }: Pick<RootBatch, 'logs'>): Promise<readonly RootFact[]> {
    const wanted = logs.filter(({ name }) => INTERESTING.has(name));
    return Promise.all(
      wanted.map(async (log) => {
        const more = await this.leftOut(log);
        const event = { name: log.name, ...(plain(log.args) as object), ...more };
        const { height, index, transaction } = log;
        return readFact({ height, index: BigInt(index), txHash: transaction, event });
      }),
    );
  }

  private async leftOut(log: RootBatch['logs'][number]): Promise<object> {
    if (log.name === 'BlockSubmitted') {
      const [root, seconds] = await this.client.readContract({
        ...this.sources.framework,
        ...{ functionName: 'blocks', args: [(log.args as { readonly blknum: bigint }).blknum] },
      });
      return { root, seconds };
    }
    if (log.name === 'InFlightExitStarted') {
      const { timestamp } = await this.client.getBlock({ blockNumber: log.height });
      return { seconds: timestamp };
    }
    return {};
  }

  /** What the contract has of exits, in few calls however many there are. */
  async tip(exits: readonly Exit[]): Promise<Tip> {
    const standard = new Map<bigint, boolean>();
    const inFlight = new Map<bigint, ReturnType<typeof tipOf>>();
    const ids = (kind: Exit['kind']) =>
      exits.filter((exit) => exit.kind === kind).map(({ exitId }) => exitId);
    for (const part of chunks(ids('standard'))) {
      const records = await this.standardRecords(part);
      for (const [i, { exitable }] of records.entries()) standard.set(part[i]!, exitable);
    }
    for (const part of chunks(ids('in-flight'))) {
      const records = await this.inFlightRecords(part);
      for (const [i, record] of records.entries()) inFlight.set(part[i]!, tipOf(record));
    }
    return { standard, inFlight };
  }

  standardRecords(exitIds: readonly bigint[], blockTag: 'latest' | 'pending' = 'latest') {
    const { exitGame } = this.sources;
    const args = [exitIds] as const;
    return this.client.readContract({ ...exitGame, functionName: 'standardExits', args, blockTag });
  }

  inFlightRecords(exitIds: readonly bigint[], blockTag: 'latest' | 'pending' = 'latest') {
    const { exitGame } = this.sources;
    const args = [exitIds] as const;
    return this.client.readContract({ ...exitGame, functionName: 'inFlightExits', args, blockTag });
  }
}

type InFlightRecord = Awaited<ReturnType<RootChain['inFlightRecords']>>[number];

function tipOf(record: InFlightRecord) {
  const { exitStartTimestamp, isCanonical, oldestCompetitorPosition, exitMap } = record;
  return {
    exists: exitStartTimestamp !== 0n,
    canonical: isCanonical,
    oldestCompetitor: oldestCompetitorPosition,
    map: exitMap,
  };
}

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  for (let at = 0; at < items.length; at += RECORDS_PER_CALL)
    parts.push(items.slice(at, at + RECORDS_PER_CALL));
  return parts;
}

/** Arguments of a log with integers as bigints and hex in small letters, as facts are read from. */
function plain(value: unknown): unknown {
  if (typeof value === 'number') return BigInt(value);
  if (typeof value === 'string') return value.toLowerCase();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

/**
 * Finds the contracts by their framework.
 * @throws PalisadeError `watcher/no-framework`
 */
export async function findContracts(
  rpc: Rpc,
  framework: string,
  deployedAt: bigint,
  patience: Patience,
): Promise<RootContracts> {
  const client = publicClient(rpc, patience);
  const address = getAddress(framework).toLowerCase() as Address;
  const nowhere: RootContracts = {
    ...{ chainId: await client.getChainId(), deployedAt, framework: address },
    ...{ ethVault: zeroAddress, erc20Vault: zeroAddress, exitGame: zeroAddress },
  };
  const contract = bindings(nowhere).framework;
  try {
    const [ethVault, erc20Vault, exitGame] = await Promise.all([
      client.readContract({ ...contract, functionName: 'vaults', args: [1n] }),
      client.readContract({ ...contract, functionName: 'vaults', args: [2n] }),
      client.readContract({ ...contract, functionName: 'exitGames', args: [1n] }),
    ]);
    const low = (text: string) => text.toLowerCase() as Address;
    return {
      ...nowhere,
      ethVault: low(ethVault),
      erc20Vault: low(erc20Vault),
      exitGame: low(exitGame),
    };
  } catch (cause) {
    throw new PalisadeError({
      code: 'watcher/no-framework',
      message: `There is no framework of a child chain at ${framework} on this root chain.`,
      next: 'Check --framework and --root-chain.',
      cause,
    });
  }
}
