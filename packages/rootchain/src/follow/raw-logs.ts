/** Logs as nodes tell them, before anything is made of them. */
import { type Hex, keccak256, toBytes } from 'viem';
import { trouble } from '../rpc/errors.ts';
import type { RawLog } from '../rpc/shapes.ts';

/** Logs in the order of blocks and places, which must be given once each and lie in the range. */
export function orderedLogs(logs: readonly RawLog[], from: bigint, to: bigint): readonly RawLog[] {
  const sorted = [...logs].sort((a, b) =>
    Number(
      a.blockNumber === b.blockNumber ? a.logIndex - b.logIndex : a.blockNumber - b.blockNumber,
    ),
  );
  for (const [i, log] of sorted.entries()) {
    if (log.blockNumber < from || log.blockNumber > to || log.removed)
      throw trouble('inconsistent', `A log of block ${log.blockNumber} was not asked for.`);
    const before = sorted[i - 1];
    if (before?.blockNumber !== log.blockNumber) continue;
    if (before.logIndex === log.logIndex || before.blockHash !== log.blockHash)
      throw trouble('inconsistent', `Block ${log.blockNumber} has two versions of its logs.`);
  }
  return sorted;
}

/** All that is made use of, and the place. */
export function textOf({ blockHash, logIndex, transactionHash, address, topics, data }: RawLog) {
  return [blockHash, logIndex, transactionHash, address, ...topics, data].join().toLowerCase();
}

/** Hash of logs that follow those of a hash: the same however they are cut into ranges. */
export function hashOfLogs(before: Hex, logs: readonly RawLog[]): Hex {
  return logs.reduce((hash, log) => keccak256(toBytes(`${hash},${textOf(log)}`)), before);
}
