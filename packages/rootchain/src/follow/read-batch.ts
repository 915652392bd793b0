/**
 * Reads the logs of one range of blocks and believes them only when everything around them fits: they hang
 * on the last batch, the range did not change while it was read, and the framework's counters are those
 * that the logs give. The number of questions does not depend on the number of logs.
 */
import { PalisadeError } from '@palisade/core';
import { type Abi, type Address, decodeEventLog, encodeFunctionData, type Hex } from 'viem';
import { frameworkAbi } from '../generated/framework.ts';
import { CHILD_BLOCK_INTERVAL } from '../params.ts';
import { isTrouble, trouble } from '../rpc/errors.ts';
import type { Rpc } from '../rpc/rpc.ts';
import { type BlockHeader, blockAt, callAt, logsBetween, type RawLog } from '../rpc/shapes.ts';
import type { Checkpoint } from './checkpoint.ts';
import { brokenChain, lostLogs } from './contradictions.ts';
import type { RootLog, Sources } from './log.ts';
import { hashOfLogs, orderedLogs } from './raw-logs.ts';
import type { Witness } from './witness.ts';

export type Batch<S extends Sources> = {
  readonly logs: readonly RootLog<S>[];
  readonly last: BlockHeader;
  readonly checkpoint: Checkpoint;
};

type Reading<S extends Sources> = {
  readonly rpc: Rpc;
  readonly sources: S;
  readonly framework: Address;
  readonly witness: Witness | undefined;
};

/**
 * One attempt at the blocks behind `after` up to `to`. Throws troubles; the caller tries again. With
 * `counted`, the counters are compared with the contract's own in the state after `to`.
 */
export async function readBatch<S extends Sources>(
  reading: Reading<S>,
  after: Checkpoint,
  to: bigint,
  counted: boolean,
): Promise<Batch<S>> {
  const { rpc, sources, framework, witness } = reading;
  const from = after.height + 1n;
  const [first, last] = [await header(reading, from), await header(reading, to)];
  if (first.parentHash !== after.hash) throw brokenChain(after.height, first.parentHash);
  const addresses = Object.values(sources).map(({ address }) => address);
  const raw = orderedLogs(await rpc.ask(logsBetween(from, to, addresses)), from, to);
  const isWitnessed = (await witness?.confirms({ from, last, logs: raw })) === true;
  const again = await header(reading, to);
  if (again.hash !== last.hash)
    throw trouble(
      'inconsistent',
      `Block ${to} of the root chain changed while its logs were read.`,
    );
  checkHashes(raw, first, last);
  const logs = raw.map((log) => decode(sources, log));
  const counters = count(after, framework, logs);
  const checkpoint = {
    ...{ height: to, hash: last.hash, logs: hashOfLogs(after.logs, raw), ...counters },
    witnessed: after.witnessed,
  };
  if (counted) await compareCounters(reading, checkpoint);
  // Not before: what is not handed out was not confirmed, either.
  if (isWitnessed) witness?.handedOut(after.height, checkpoint);
  return {
    logs,
    last,
    checkpoint: { ...checkpoint, witnessed: witness?.confirmed ?? after.witnessed },
  };
}

async function header<S extends Sources>(
  { rpc }: Reading<S>,
  height: bigint,
): Promise<BlockHeader> {
  const block = await rpc.ask(blockAt(height));
  if (block === undefined)
    throw trouble('inconsistent', `The node does not know block ${height}, below its own head.`);
  return block;
}

/** Logs of the two blocks whose hashes are known must be of those very blocks. */
function checkHashes(logs: readonly RawLog[], ...known: readonly BlockHeader[]): void {
  for (const log of logs)
    for (const { number, hash } of known)
      if (log.blockNumber === number && log.blockHash !== hash)
        throw trouble('inconsistent', `Logs of block ${number} are of another block.`);
}

function decode<S extends Sources>(sources: S, log: RawLog): RootLog<S> {
  const found = Object.entries(sources).find(
    ([, { address }]) => address.toLowerCase() === log.address,
  );
  if (found === undefined)
    throw trouble('inconsistent', `A log of ${log.address} was not asked for.`);
  const [source, { abi }] = found;
  try {
    const { eventName, args } = decodeEventLog({
      abi: abi as Abi,
      topics: log.topics as [Hex, ...Hex[]],
      data: log.data,
      strict: true,
    });
    return {
      source,
      address: log.address,
      height: log.blockNumber,
      blockHash: log.blockHash,
      transaction: log.transactionHash,
      index: Number(log.logIndex),
      name: eventName,
      args: args ?? {},
    } as unknown as RootLog<S>;
  } catch (cause) {
    throw trouble(
      'garbage',
      `A log of ${source} in block ${log.blockNumber} is no event of that contract.`,
      { cause },
    );
  }
}

/** The framework's counters by the logs. Each block and each deposit must have the number that is next. */
function count<S extends Sources>(
  after: Checkpoint,
  framework: Address,
  logs: readonly RootLog<S>[],
): Pick<Checkpoint, 'nextChildBlock' | 'nextDepositBlock'> {
  let { nextChildBlock, nextDepositBlock } = after;
  for (const log of logs as readonly { name: string; address: Address; args: unknown }[]) {
    if (log.name === 'BlockSubmitted' && log.address === framework) {
      const { blknum } = log.args as { blknum: bigint };
      if (blknum !== nextChildBlock) throw lostLogs('blocks', nextChildBlock, blknum);
      nextDepositBlock = nextChildBlock + 1n;
      nextChildBlock += CHILD_BLOCK_INTERVAL;
    } else if (log.name === 'DepositCreated') {
      const { blknum } = log.args as { blknum: bigint };
      if (blknum !== nextDepositBlock) throw lostLogs('deposits', nextDepositBlock, blknum);
      nextDepositBlock += 1n;
    }
  }
  return { nextChildBlock, nextDepositBlock };
}

async function compareCounters<S extends Sources>(
  { rpc, framework }: Reading<S>,
  { hash, nextChildBlock, nextDepositBlock }: Checkpoint,
): Promise<void> {
  const ask = async (functionName: 'nextChildBlock' | 'nextDepositBlock'): Promise<bigint> => {
    const data = encodeFunctionData({ abi: frameworkAbi, functionName });
    const answer = await rpc.ask(callAt(framework, data, hash)).catch((cause) => {
      // A replica that does not have that block yet refuses; the range is not at fault.
      if (isTrouble(cause) || !(cause instanceof PalisadeError)) throw cause;
      throw trouble('inconsistent', `The node has no state of block ${hash}.`, { cause });
    });
    if (answer.length !== 66)
      throw trouble('garbage', `There is no framework at ${framework} in block ${hash}.`);
    return BigInt(answer);
  };
  const child = await ask('nextChildBlock');
  if (child !== nextChildBlock) throw lostLogs('blocks', nextChildBlock, child);
  const deposit = await ask('nextDepositBlock');
  if (deposit !== nextDepositBlock) throw lostLogs('deposits', nextDepositBlock, deposit);
}
