/** The root chain as a watcher reads it: facts from logs, exits' records at the newest block, and the present. */

import { PalisadeError, toHex } from '@palisade/core';
import type { Dialect } from '@palisade/payments';
import {
  type Blocks,
  bindings,
  bindingsV1,
  blockAt,
  type Checkpoint,
  type Patience,
  patiently,
  publicClient,
  type RootContracts,
  type Rpc,
} from '@palisade/rootchain';
import { type Address, getAddress, type Hex, zeroAddress } from 'viem';
import type { Tip } from '../exits/chain-view.ts';
import type { Exit } from '../exits/records.ts';
import type { RootTime } from '../lateness.ts';
import { FACT_NAMES, type FactOf, type RootFact, readFact } from './facts.ts';
import { type CallReader, isThin, readCall } from './thin-events.ts';

export type RootSources = ReturnType<typeof bindings>;
/** Interfaces by dialect. */
const BINDINGS = { v1: bindingsV1, v2: bindings };

type Members = Readonly<Record<string, unknown>>;
/** A log with integers as bigints and hex in small letters. */
type PlainLog = {
  readonly name: string;
  readonly args: Members;
  readonly height: bigint;
  readonly index: number;
  readonly transaction: Hex;
};

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

  private readonly dialect: Dialect;
  private readonly calls: CallReader;

  constructor(rpc: Rpc, contracts: RootContracts, patience: Patience, dialect: Dialect) {
    this.client = publicClient(rpc, patience);
    this.contracts = contracts;
    this.rpc = rpc;
    this.dialect = dialect;
    this.sources = BINDINGS[dialect.name](contracts);
    this.calls = {
      ask: (question) => patiently(() => rpc.ask(question, patience.signal), patience),
      ...{ dialect, exitGame: this.sources.exitGame },
    };
  }

  async head(): Promise<Head> {
    const { number, timestamp, baseFeePerGas } = await this.client.getBlock();
    return { height: Number(number), seconds: Number(timestamp), baseFee: baseFeePerGas ?? 0n };
  }

  /**
   * Whether a block that was followed is on the chain that the node tells of now. If not, another one is asked from now
   * on: a node that has stopped may answer for ever.
   */
  async has({ height, hash }: Checkpoint): Promise<boolean> {
    const block = await this.calls.ask(blockAt(height));
    if (block?.hash === hash) return true;
    this.rpc.turn?.();
    return false;
  }

  async minExitPeriodSeconds(): Promise<number> {
    const { framework } = this.sources;
    return Number(await this.client.readContract({ ...framework, functionName: 'minExitPeriod' }));
  }

  /** What logs say, with what they leave out. @throws PalisadeError `watcher/bad-fact` */
  async facts({ logs }: Pick<RootBatch, 'logs'>): Promise<readonly RootFact[]> {
    const wanted = logs.filter(({ name }) => INTERESTING.has(name));
    return Promise.all(
      wanted.map(({ name, args, height, index, transaction }) =>
        this.factOf({ name, args: plain(args) as Members, height, index, transaction }),
      ),
    );
  }

  /** Reads an event anew whose call could not be read; the same fact when it still cannot. */
  readAgain({ event, height, index, txHash }: FactOf<'Unreadable'>): Promise<RootFact> {
    const { of: name, args } = event;
    const transaction = toHex(txHash) as Hex;
    return this.factOf({ name, args, height: BigInt(height), index, transaction });
  }

  private async factOf(log: PlainLog): Promise<RootFact> {
    const { name, args, height, index, transaction } = log;
    const more = await this.leftOut(log);
    const event = more ? { name, ...args, ...more } : { name: 'Unreadable', of: name, args };
    return readFact({ height, index: BigInt(index), txHash: transaction, event });
  }

  /** What an event does not tell; undefined when nobody can say. */
  private async leftOut({
    name,
    args,
    height,
    transaction,
  }: PlainLog): Promise<object | undefined> {
    if (name === 'BlockSubmitted') {
      const [root, seconds] = await this.client.readContract({
        ...this.sources.framework,
        ...{ functionName: 'blocks', args: [args.blknum as bigint] },
      });
      return { root, seconds };
    }
    const thin = isThin(this.dialect, name);
    const call = thin ? await readCall(this.calls, { name, args, transaction }) : {};
    if (!call) return undefined;
    if (name === 'InFlightExitStarted') {
      const { timestamp } = await this.client.getBlock({ blockNumber: height });
      return { ...(plain(call) as object), seconds: timestamp };
    }
    if (thin) return plain(call) as object;
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

  /** Which in-flight exits the contract had no more at a height. */
  async endedAt(exits: readonly Exit[], height: number): Promise<readonly Exit[]> {
    const { exitGame } = this.sources;
    const ended: Exit[] = [];
    for (const part of chunks(exits)) {
      const records = await this.client.readContract({
        ...{ ...exitGame, functionName: 'inFlightExits', blockNumber: BigInt(height) },
        args: [part.map(({ exitId }) => exitId)],
      });
      ended.push(...part.filter((_, i) => records[i]!.exitStartTimestamp === 0n));
    }
    return ended;
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
