/**
 * Signatures are checked off the main thread: a recovery costs 70 us, all else of a command about
 * as much, so two cores share the work. Small batches are not worth the way to another thread.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { TxOpener } from '@palisade/chain';
import { inlineOpener } from '@palisade/chain';
import {
  type Catalogue,
  type Domain,
  type Opened,
  openChecked,
  type Refusal,
} from '@palisade/core';
import type { Batch, Verdicts } from './verify-worker.ts';

/** Transactions from which on a batch goes to the thread: below it, waking the thread costs more. */
const WORTH_A_THREAD = 8;
/** Transactions of one message: the thread begins to answer while the rest is on its way. */
const BATCH = 250;

/** Where the bundled thread stands beside this program; absent when running from source. */
const WORKER_URL = new URL('./verify-worker.js', import.meta.url);

export type ThreadOpener = { readonly opener: TxOpener; stop(): Promise<void> };

/** An opener with one thread of its own, started when first needed. */
export function threadOpener(known: Catalogue, domain: Domain): ThreadOpener {
  const inline = inlineOpener(known, domain);
  const available = existsSync(fileURLToPath(WORKER_URL));
  let worker: Worker | undefined;
  let next = 0;
  const waiting = new Map<number, { resolve(v: Verdicts): void; reject(e: unknown): void }>();

  const begin = (): Worker => {
    const started = new Worker(WORKER_URL, { workerData: domain.genesisHash });
    started.on('message', (verdicts: Verdicts) => {
      waiting.get(verdicts.id)?.resolve(verdicts);
      waiting.delete(verdicts.id);
      // An idle thread keeps no process alive, but an answer that is waited for does.
      if (waiting.size === 0) started.unref();
    });
    started.on('error', (error) => {
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
      worker = undefined;
    });
    return started;
  };

  const check = async (txs: readonly Uint8Array[]): Promise<(Opened | Refusal)[]> => {
    worker ??= begin();
    const target = worker;
    const id = next++;
    const data = Buffer.concat(txs);
    const copy = new Uint8Array(data.length);
    copy.set(data);
    const batch: Batch = { id, data: copy, lengths: txs.map((tx) => tx.length) };
    const verdicts = await new Promise<Verdicts>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      target.ref();
      target.postMessage(batch, [copy.buffer]);
    });
    const refusals = new Map(verdicts.refusals);
    return txs.map(
      (tx, i) =>
        refusals.get(i) ?? openChecked(tx, known, verdicts.digests.slice(32 * i, 32 * i + 32)),
    );
  };

  return {
    opener: {
      async open(txs) {
        if (!available || txs.length < WORTH_A_THREAD) return inline.open(txs);
        const batches: (readonly Uint8Array[])[] = [];
        for (let i = 0; i < txs.length; i += BATCH) batches.push(txs.slice(i, i + BATCH));
        return (await Promise.all(batches.map(check))).flat();
      },
    },
    async stop() {
      await worker?.terminate();
    },
  };
}
