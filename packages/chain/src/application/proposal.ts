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
  const isJob = (tx: OpenedTx) => tx.opened.declaration.name === rule.command;
  const unique = new Map<string, OpenedTx>();
  for (const tx of txs) {
    const key = toBinaryString(tx.opened.id);
    if (!unique.has(key)) unique.set(key, tx);
  }
  const all = [...unique.values()];
  const jobs = all.filter(isJob).sort((a, b) => compareBytes(a.opened.id, b.opened.id));
  return [...byNonceWithinSender(jobs), ...all.filter((tx) => !isJob(tx))];
}

function byNonceWithinSender(jobs: readonly OpenedTx[]): OpenedTx[] {
  const queues = new Map<string, OpenedTx[]>();
  for (const job of jobs) {
    const sender = toBinaryString(job.opened.sender);
    const queue = queues.get(sender);
    if (queue) queue.push(job);
    else queues.set(sender, [job]);
  }
  // Backwards, so that the next one can be taken from the end.
  for (const queue of queues.values())
    if (queue.length > 1) queue.reverse().sort((a, b) => compareNonces(b, a));
  return jobs.map((job) => queues.get(toBinaryString(job.opened.sender))!.pop()!);
}

function compareNonces(a: OpenedTx, b: OpenedTx): number {
  const [nonceA, nonceB] = [nonceOf(a), nonceOf(b)];
  return nonceA < nonceB ? -1 : nonceA > nonceB ? 1 : 0;
}

function nonceOf({ opened }: OpenedTx): bigint {
  return (opened.value as { readonly nonce: bigint }).nonce;
}

/** Whether opened transactions stand in a block's order, each once. */
export function isInBlockOrder(txs: readonly OpenedTx[], rule: JobFileRule): boolean {
  const ordered = orderForBlock(txs, rule);
  return ordered.length === txs.length && ordered.every((tx, i) => tx === txs[i]);
}

/** Length prefix and field tag of a transaction in the block's encoding. */
export const TX_OVERHEAD = 6;

/** The transactions for which there is room, those first that are more urgent. */
export function withinBytes(byUrgency: readonly OpenedTx[], maxBytes: bigint): OpenedTx[] {
  let left = Number(maxBytes);
  return byUrgency.filter(({ bytes }) => {
    const size = bytes.length + TX_OVERHEAD;
    if (size > left) return false;
    left -= size;
    return true;
  });
}
