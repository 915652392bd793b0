/**
 * Transactions that wait for a block: first come, first served, each once, bounded in number and
 * bytes, and journaled before they are acknowledged. One stays in the journal until a block has it,
 * or until the application refuses it and that was noted. What one sender may have waiting is the
 * application's affair, which it decides in `checkTx`.
 *
 * While a block commits, the gate is closed: nothing is checked against a state that is about to
 * change, and `checkTx` never runs between the application's commit and the rechecks.
 */
import type { Refusal } from '@palisade/core';
import { refuse } from '@palisade/core';
import type { Application, CheckTxResponse } from '@palisade/formats';
import { txBytes, txHash } from '@palisade/formats';
import type { Submission } from '../engine.ts';
import type { BlockStore } from './block-store.ts';
import type { DroppedTx, EmbeddedOptions, Limits } from './options.ts';

type Entry = {
  readonly tx: Uint8Array;
  readonly hash: Uint8Array;
  readonly sequence: bigint;
  readonly gasWanted: bigint;
};

/** What leaves the journal without a block. */
type Dropped = DroppedTx & { readonly sequence: bigint };

/** Hashes of included transactions that are remembered, so that a late copy is not taken again. */
const REMEMBERED = 100_000;

/** What the mempool knows a transaction by: its hash as a string, which a Map can look up. */
export function txKey(tx: Uint8Array): string {
  return keyOf(txHash(tx));
}

function keyOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('latin1');
}

export class Mempool {
  private readonly entries = new Map<string, Entry>();
  private readonly included = new Set<string>();
  private readonly checking = new Map<string, Promise<Submission>>();
  private bytes = 0;
  private nextSequence = 1n;
  /** Present while the gate is closed; resolves when it opens. */
  private closed: Promise<void> | undefined;
  private readonly inFlight = new Set<Promise<unknown>>();
  private readonly application: Application;
  private readonly store: BlockStore;
  private readonly limits: Limits;
  private readonly onDropped: NonNullable<EmbeddedOptions['onDropped']>;

  constructor(
    application: Application,
    store: BlockStore,
    limits: Limits,
    onDropped: EmbeddedOptions['onDropped'] = () => {},
  ) {
    this.application = application;
    this.store = store;
    this.limits = limits;
    this.onDropped = onDropped;
  }

  size(): { readonly txs: number; readonly bytes: number } {
    return { txs: this.entries.size, bytes: this.bytes };
  }

  /** Everything that waits, in order of arrival. */
  waiting(): readonly Uint8Array[] {
    return [...this.entries.values()].map(({ tx }) => tx);
  }

  /** Takes up what was waiting when the process ended; what no longer passes is dropped. */
  async load(): Promise<void> {
    const spent: bigint[] = [];
    const dropped: Dropped[] = [];
    for (const { sequence, tx } of this.store.journaled()) {
      this.nextSequence = sequence + 1n;
      const hash = txHash(tx);
      if (this.included.has(keyOf(hash))) {
        spent.push(sequence);
        continue;
      }
      const check = await this.application.checkTx({ tx, type: 'new' });
      if (check.code === 0) this.insert({ tx, hash, sequence, gasWanted: check.gasWanted });
      else dropped.push({ tx, sequence, check });
    }
    await this.unjournal(spent, dropped);
  }

  /** Resolves when the transaction is durable, or refused. */
  async submit(tx: Uint8Array): Promise<Submission> {
    const hash = txHash(tx);
    const key = keyOf(hash);
    if (tx.length > this.limits.txBytes) return refused(hash, tooLarge(tx.length, this.limits));
    while (this.closed) await this.closed;
    // First those on their way: they may wait already and yet not be durable.
    const already = this.checking.get(key);
    if (already)
      return already.then((answer) => (answer.accepted ? { ...answer, known: true } : answer));
    if (this.entries.has(key)) return { accepted: true, hash, known: true };
    if (this.included.has(key)) return refused(hash, alreadyIncluded());
    const answer = this.admit(tx, hash);
    this.checking.set(key, answer);
    try {
      return await answer;
    } finally {
      this.checking.delete(key);
    }
  }

  /** Resolves when nobody is on the way in any more, so that the store may close. */
  async drain(): Promise<void> {
    while (this.checking.size > 0) await Promise.allSettled(this.checking.values());
  }

  /** Transactions for a block, in order of arrival; the first that does not fit ends the list. */
  reap(maxBytes: number, maxGas: bigint): readonly Uint8Array[] {
    const txs: Uint8Array[] = [];
    let bytes = 0;
    let gas = 0n;
    for (const { tx, gasWanted } of this.entries.values()) {
      bytes += txBytes(tx);
      gas += gasWanted;
      if (bytes > maxBytes || (maxGas >= 0n && gas > maxGas)) break;
      txs.push(tx);
    }
    return txs;
  }

  /** Journal entries of transactions that a block includes; `keys` are from `txKey`. */
  sequencesOf(keys: readonly string[]): readonly bigint[] {
    return keys.flatMap((key) => this.entries.get(key)?.sequence ?? []);
  }

  /** Closes the gate, lets `commit` happen, drops what was included, and rechecks the rest. */
  async around(included: readonly string[], commit: () => Promise<void>): Promise<void> {
    let open = () => {};
    this.closed = new Promise((resolve) => {
      open = resolve;
    });
    try {
      await Promise.allSettled(this.inFlight);
      await commit();
      const spent = this.sequencesOf(included);
      for (const key of included) this.forget(key);
      await this.unjournal(spent, await this.recheck());
    } finally {
      this.closed = undefined;
      open();
    }
  }

  private async admit(tx: Uint8Array, hash: Uint8Array): Promise<Submission> {
    const checked = this.check(tx, hash);
    this.inFlight.add(checked);
    const outcome = await checked.finally(() => this.inFlight.delete(checked));
    if ('refusal' in outcome) return outcome;
    await this.store.journal({ sequence: outcome.sequence, tx });
    return { accepted: true, hash, known: false, check: outcome.check };
  }

  private async check(tx: Uint8Array, hash: Uint8Array) {
    if (this.isFull(tx)) return refused(hash, full(this.limits));
    const check = await this.application.checkTx({ tx, type: 'new' });
    if (check.code !== 0) return { ...refused(hash, byApplication(check)), check };
    // Others may have come in while the application was thinking.
    if (this.isFull(tx)) return refused(hash, full(this.limits));
    const sequence = this.nextSequence++;
    this.insert({ tx, hash, sequence, gasWanted: check.gasWanted });
    return { sequence, check };
  }

  private isFull(tx: Uint8Array): boolean {
    const { mempoolTxs, mempoolBytes } = this.limits;
    return this.entries.size >= mempoolTxs || this.bytes + tx.length > mempoolBytes;
  }

  private async recheck(): Promise<readonly Dropped[]> {
    const dropped: Dropped[] = [];
    for (const { tx, hash, sequence } of [...this.entries.values()]) {
      const check = await this.application.checkTx({ tx, type: 'recheck' });
      if (check.code === 0) continue;
      this.remove(keyOf(hash));
      dropped.push({ tx, sequence, check });
    }
    return dropped;
  }

  /** Noted first, forgotten afterwards: a crash in between has it noted twice. */
  private async unjournal(spent: readonly bigint[], dropped: readonly Dropped[]): Promise<void> {
    if (dropped.length > 0) await this.onDropped(dropped);
    await this.store.unjournal([...spent, ...dropped.map(({ sequence }) => sequence)]);
  }

  private insert(entry: Entry): void {
    this.entries.set(keyOf(entry.hash), entry);
    this.bytes += entry.tx.length;
  }

  private remove(key: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.entries.delete(key);
    this.bytes -= entry.tx.length;
  }

  private forget(key: string): void {
    this.remove(key);
    this.included.add(key);
    if (this.included.size > REMEMBERED) this.included.delete(this.included.values().next().value!);
  }
}

function refused(hash: Uint8Array, refusal: Refusal) {
  return { accepted: false, hash, refusal } as const;
}

function reasonOf({ code, codespace, log }: CheckTxResponse): string {
  return log || `code ${code}${codespace && ` of ${codespace}`}`;
}

function byApplication(check: CheckTxResponse): Refusal {
  return refuse(
    'engine/tx-refused',
    `The application refused the transaction: ${reasonOf(check)}.`,
    {
      data: { code: check.code, codespace: check.codespace },
    },
  );
}

function alreadyIncluded(): Refusal {
  return refuse('engine/tx-included', 'A recent block holds this very transaction already.');
}

function tooLarge(length: number, { txBytes: limit }: Limits): Refusal {
  return refuse(
    'engine/tx-too-large',
    `The transaction has ${length} bytes, and ${limit} is the most.`,
  );
}

function full({ mempoolTxs, mempoolBytes }: Limits): Refusal {
  return refuse(
    'engine/mempool-full',
    `As many transactions wait as may: ${mempoolTxs}, or ${mempoolBytes} bytes.`,
    { retry: 'later', next: 'Send it again after the next blocks.' },
  );
}
