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
  /**
   * Whether a transaction of that command is by whom the job belongs to. Anyone can sign a copy of
   * a stranger's request, which then has the same id; such a copy has no place in a block.
   */
  isGenuine?(opened: Opened): boolean;
};

export type OpenedTx = { readonly bytes: Uint8Array; readonly opened: Opened };

/**
 * Sorts transactions into the order of a block, dropping doubles and false copies: jobs by id,
 * except that each sender's jobs take the places of that sender in the order of their nonces, as
 * they would fail otherwise; then all others as they came.
 */
export function orderForBlock(txs: readonly OpenedTx[], rule: JobFileRule): OpenedTx[] {
  const isJob = (tx: OpenedTx) => tx.opened.declaration.name === rule.command;
  const isFalse = (tx: OpenedTx) => isJob(tx) && rule.isGenuine?.(tx.opened) === false;
  const unique = new Map<string, OpenedTx>();
  for (const tx of txs) {
    const key = identity(tx);
    if (!unique.has(key) && !isFalse(tx)) unique.set(key, tx);
  }
  const all = [...unique.values()];
  const jobs = all.filter(isJob).sort((a, b) => compareBytes(a.opened.id, b.opened.id));
  return [...byNonceWithinSender(jobs), ...all.filter((tx) => !isJob(tx))];
}

/** An id is the digest of what was signed: two senders who sign the same words share it. */
function identity({ opened }: OpenedTx): string {
  return toBinaryString(opened.id) + toBinaryString(opened.sender);
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

/** Bytes of `ordered`, those for which there is room in the order of `byUrgency`. */
export function withinBytes(
  ordered: readonly OpenedTx[],
  byUrgency: readonly OpenedTx[],
  maxBytes: bigint,
): Uint8Array[] {
  let left = Number(maxBytes);
  const fitting = new Set<OpenedTx>();
  for (const tx of byUrgency) {
    const size = tx.bytes.length + TX_OVERHEAD;
    if (size > left) continue;
    left -= size;
    fitting.add(tx);
  }
  return ordered.filter((tx) => fitting.has(tx)).map(({ bytes }) => bytes);
}
