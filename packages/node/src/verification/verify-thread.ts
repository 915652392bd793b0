/** One thread that checks form and signatures of batches of transactions. */
import { Worker } from 'node:worker_threads';
import { type Catalogue, type Opened, openChecked, type Refusal } from '@palisade/core';
import type { Batch, Verdicts } from './verify-worker.ts';

type Waiting = { resolve(verdicts: Verdicts): void; reject(error: unknown): void };

export class VerifyThread {
  private readonly worker: Worker;
  private readonly known: Catalogue;
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;
  /** Why it checks no more; undefined while it lives. */
  failure: Error | undefined;

  constructor(url: URL, known: Catalogue, genesisHash: Uint8Array) {
    this.known = known;
    this.worker = new Worker(url, { workerData: genesisHash });
    this.worker.on('message', (verdicts: Verdicts) => {
      this.waiting.get(verdicts.id)?.resolve(verdicts);
      this.waiting.delete(verdicts.id);
      // An idle thread keeps no process alive, but an answer that is waited for does.
      if (this.waiting.size === 0) this.worker.unref();
    });
    this.worker.on('error', (error) => this.end(error));
    this.worker.on('exit', (code) => this.end(new Error(`it left with code ${code}`)));
  }

  /** Batches that it has not answered yet. */
  get load(): number {
    return this.waiting.size;
  }

  /** @throws Error when the thread dies before it has answered. */
  async check(txs: readonly Uint8Array[]): Promise<(Opened | Refusal)[]> {
    if (this.failure) throw this.failure;
    const lengths = Uint32Array.from(txs, (tx) => tx.length);
    const data = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
    let offset = 0;
    for (const tx of txs) {
      data.set(tx, offset);
      offset += tx.length;
    }
    const batch: Batch = { id: this.next++, data, lengths };
    const { digests, ids, refusals } = await new Promise<Verdicts>((resolve, reject) => {
      this.waiting.set(batch.id, { resolve, reject });
      this.worker.ref();
      this.worker.postMessage(batch, [data.buffer, lengths.buffer]);
    });
    const refused = new Map(refusals);
    const hashOf = (hashes: Uint8Array, i: number) => hashes.subarray(32 * i, 32 * i + 32);
    return txs.map(
      (tx, i) =>
        refused.get(i) ??
        openChecked(tx, this.known, { id: hashOf(ids, i), digest: hashOf(digests, i) }),
    );
  }

  private end(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }

  async stop(): Promise<void> {
    await this.worker.terminate();
  }
}
