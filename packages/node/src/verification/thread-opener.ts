/**
 * Signatures are checked off the main thread: a recovery costs 70 us, all else of a command about
 * as much, so the cores share the work. Transactions that arrive one by one within a turn of the
 * event loop are checked together; few of them are not worth the way to another thread.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { inlineOpener, type TxOpener } from '@palisade/chain';
import type { Catalogue, Domain, Opened, Refusal } from '@palisade/core';
import { VerifyThread } from './verify-thread.ts';

/** Transactions from which on a batch goes to a thread: below it, waking the thread costs more. */
const WORTH_A_THREAD = 8;
/** Transactions of one message, about 20 ms of work: a block is spread evenly over the threads. */
const BATCH = 250;
/**
 * Threads at most: one per core, as the main thread rests while it waits for them or for the disk.
 * Beyond four the main thread is what a chain waits for.
 */
const MAX_THREADS = Math.min(availableParallelism(), 4);

/** Where the bundled thread stands beside this program; absent when running from source. */
const WORKER_URL = new URL('./verify-worker.js', import.meta.url);

export type ThreadOpener = { readonly opener: TxOpener; stop(): Promise<void> };

type Answers = readonly (Opened | Refusal)[];
type Call = {
  readonly txs: readonly Uint8Array[];
  resolve(answers: Answers): void;
  reject(error: unknown): void;
};

/** An opener with threads of its own, each started when it is first needed. */
export function threadOpener(
  known: Catalogue,
  domain: Domain,
  url: URL = WORKER_URL,
): ThreadOpener {
  const inline = inlineOpener(known, domain);
  if (!existsSync(fileURLToPath(url))) return { opener: inline, stop: async () => {} };
  let threads: VerifyThread[] = [];
  let gathered: Call[] = [];

  const leastBusy = (): VerifyThread => {
    threads = threads.filter(({ failure }) => !failure);
    const [best] = [...threads].sort((a, b) => a.load - b.load);
    if (best && (best.load === 0 || threads.length >= MAX_THREADS)) return best;
    const added = new VerifyThread(url, known, domain.genesisHash);
    threads.push(added);
    return added;
  };
  /** A thread that dies takes no transaction with it: they are checked here instead. */
  const check = (txs: readonly Uint8Array[]): Promise<Answers> =>
    leastBusy()
      .check(txs)
      .catch(() => inline.open(txs));
  const inBatches = async (txs: readonly Uint8Array[]): Promise<Answers> => {
    if (txs.length < WORTH_A_THREAD) return inline.open(txs);
    const batches: (readonly Uint8Array[])[] = [];
    for (let i = 0; i < txs.length; i += BATCH) batches.push(txs.slice(i, i + BATCH));
    return (await Promise.all(batches.map(check))).flat();
  };
  const answerGathered = async (): Promise<void> => {
    const calls = gathered;
    gathered = [];
    try {
      const answers = await inBatches(calls.flatMap(({ txs }) => txs));
      let offset = 0;
      for (const { txs, resolve } of calls) {
        resolve(answers.slice(offset, offset + txs.length));
        offset += txs.length;
      }
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  };

  return {
    opener: {
      async open(txs) {
        if (txs.length === 0) return [];
        if (txs.length >= WORTH_A_THREAD) return inBatches(txs);
        return new Promise((resolve, reject) => {
          gathered.push({ txs, resolve, reject });
          if (gathered.length === 1) setImmediate(answerGathered);
        });
      },
    },
    async stop() {
      await Promise.all(threads.map((thread) => thread.stop()));
    },
  };
}
