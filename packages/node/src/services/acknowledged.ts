/**
 * What became of acknowledged transactions: those that wait for a block, and those that were dropped
 * with the reason. One in a block is in the event index.
 */
import { committed } from '@palisade/chain';
import { isRefusal, toBinaryString, toHex } from '@palisade/core';
import type { DaemonContext } from '@palisade/daemon';
import type { DroppedTx } from '@palisade/engine';
import type { OpenedApplication } from '../application.ts';
import { type Drop, DroppedTransactions } from '../events/dropped.ts';

/** Ids remembered at most: a full mempool of 5 000 and two job files of 4 000, rounded up. */
const MAX_REMEMBERED = 16_384;

export class Acknowledged {
  private readonly waiting = new Set<string>();
  private readonly dropped: DroppedTransactions;
  private readonly chain: OpenedApplication;
  private readonly log: DaemonContext['log'];

  constructor(context: DaemonContext, path: string, chain: OpenedApplication) {
    this.dropped = new DroppedTransactions(path);
    context.onStop('dropped transactions', () => this.dropped.close());
    this.chain = chain;
    this.log = context.log;
  }

  /** Takes up those that an earlier process acknowledged. */
  async load(txs: readonly Uint8Array[]): Promise<void> {
    for (const tx of await this.chain.application.opener.open(txs))
      if (!isRefusal(tx)) this.add(tx.id);
  }

  add(id: Uint8Array): void {
    for (const oldest of this.waiting) {
      if (this.waiting.size < MAX_REMEMBERED) break;
      this.waiting.delete(oldest);
    }
    this.waiting.add(toBinaryString(id));
  }

  has(id: Uint8Array): boolean {
    return this.waiting.has(toBinaryString(id));
  }

  dropOf(id: Uint8Array): Drop | undefined {
    return this.dropped.find(id);
  }

  /** Resolves when the reasons are on the disk. */
  async drop(drops: readonly DroppedTx[]): Promise<void> {
    const { application, store } = this.chain;
    const { height = 0n } = committed.get(store) ?? {};
    const opened = await application.opener.open(drops.map(({ tx }) => tx));
    const named = drops.flatMap(({ check: { codespace: code, log: message } }, i) => {
      const tx = opened[i]!;
      return isRefusal(tx) ? [] : [{ id: tx.id, height, code, message }];
    });
    await this.dropped.add(named);
    for (const { id, code } of named) {
      this.waiting.delete(toBinaryString(id));
      this.log.info('a waiting transaction no longer passes and was dropped', {
        id: toHex(id),
        code,
      });
    }
  }
}
