/**
 * What a block may look like: the last votes first, then the block's job file in the order of job
 * ids, then everything else. Order by id leaves nobody an order to sell (market chapter, V2V-4).
 */
import { compareBytes, type KeyValueReader, type Opened, toBinaryString } from '@palisade/core';

/** Which command's transactions make up the job file, and how to know one that is on chain. */
export type JobFileRule = {
  readonly command: string;
  /** Whether a job is on chain: then it need not be in the block. */
  isOnChain(state: KeyValueReader, id: Uint8Array): boolean;
};

export type OpenedTx = { readonly bytes: Uint8Array; readonly opened: Opened };

/**
 * Sorts transactions into the order of a block, dropping doubles: jobs by id, except that each
 * sender's jobs take the places of that sender in the order of their nonces, as they would fail
 * otherwise; then all others as they came.
 */
export function orderForBlock(txs: readonly OpenedTx[], rule: JobFileRule): OpenedTx[] {
  const unique = [...new Map(txs.map((tx) => [toBinaryString(tx.opened.id), tx])).values()];
  const isJob = (tx: OpenedTx) => tx.opened.declaration.name === rule.command;
  const jobs = unique.filter(isJob).sort((a, b) => compareBytes(a.opened.id, b.opened.id));
  return [...byNonceWithinSender(jobs), ...unique.filter((tx) => !isJob(tx))];
}

function byNonceWithinSender(jobs: readonly OpenedTx[]): OpenedTx[] {
  const queues = new Map<string, OpenedTx[]>();
  for (const job of jobs) {
    const sender = toBinaryString(job.opened.sender);
    queues.set(sender, [...(queues.get(sender) ?? []), job]);
  }
  for (const queue of queues.values())
    queue.sort((a, b) => (nonceOf(a) < nonceOf(b) ? -1 : nonceOf(a) > nonceOf(b) ? 1 : 0));
  return jobs.map((job) => queues.get(toBinaryString(job.opened.sender))!.shift()!);
}

function nonceOf({ opened }: OpenedTx): bigint {
  return (opened.value as { readonly nonce: bigint }).nonce;
}

/** Whether opened transactions stand in a block's order, each id once. */
export function isInBlockOrder(txs: readonly OpenedTx[], rule: JobFileRule): boolean {
  const ordered = orderForBlock(txs, rule);
  return ordered.length === txs.length && ordered.every((tx, i) => tx.opened === txs[i]!.opened);
}
