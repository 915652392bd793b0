/**
 * Transactions that were acknowledged and can be in no block any more, with the reason. An
 * acknowledgement promises one or the other (spec/api.md), so a record is on the disk before the
 * transaction leaves the engine's journal. Unlike the event index it cannot be made again.
 */
import { readU64be, u64be } from '@palisade/core';
import { type Database, open } from 'lmdb';
import * as z from 'zod';

export type Drop = {
  /** Last block before it was dropped. */
  readonly height: bigint;
  /** Code of the refusal. */
  readonly code: string;
  readonly message: string;
};

/** Records kept: a full mempool of 50 000 that became void at once, rounded up; about 20 MB. */
const MAX_KEPT = 65_536;

const record = z.object({
  /** Place among all drops, to forget the oldest first. */
  order: z.string(),
  height: z.string(),
  code: z.string(),
  message: z.string(),
});

type Table = Database<Uint8Array, Uint8Array>;

export class DroppedTransactions {
  private readonly root;
  private readonly byId: Table;
  private readonly order: Table;
  private readonly maxKept: number;

  constructor(path: string, maxKept = MAX_KEPT) {
    // A write resolves when it is on the disk.
    const durable = { overlappingSync: false, maxDbs: 4 };
    const options = { encoding: 'binary', keyEncoding: 'binary' } as const;
    this.root = open<Uint8Array, Uint8Array>({ path, ...durable, ...options });
    this.byId = this.root.openDB<Uint8Array, Uint8Array>({ name: 'by-id', ...options });
    this.order = this.root.openDB<Uint8Array, Uint8Array>({ name: 'order', ...options });
    this.maxKept = maxKept;
  }

  find(id: Uint8Array): Drop | undefined {
    const found = this.read(id);
    if (!found) return undefined;
    const { height, code, message } = found;
    return { height: BigInt(height), code, message };
  }

  /** Resolves when all are on the disk. One that was there before is told anew. */
  async add(drops: readonly (Drop & { readonly id: Uint8Array })[]): Promise<void> {
    await this.root.transaction(() => {
      let order = this.next();
      for (const { id, height, code, message } of drops) {
        const before = this.read(id);
        if (before) this.order.remove(u64be(BigInt(before.order)));
        const value = { order: `${order}`, height: `${height}`, code, message };
        this.byId.put(id, Buffer.from(JSON.stringify(value)));
        this.order.put(u64be(order++), id);
      }
      this.forgetOldest();
    });
  }

  async close(): Promise<void> {
    await this.root.close();
  }

  private read(id: Uint8Array) {
    const bytes = this.byId.getBinary(id);
    return bytes && record.parse(JSON.parse(Buffer.from(bytes).toString()));
  }

  private next(): bigint {
    for (const key of this.order.getKeys({ reverse: true, limit: 1 })) return readU64be(key) + 1n;
    return 0n;
  }

  private forgetOldest(): void {
    const excess = this.order.getKeysCount() - this.maxKept;
    if (excess <= 0) return;
    for (const { key, value } of [...this.order.getRange({ limit: excess })]) {
      this.byId.remove(value);
      this.order.remove(key);
    }
  }
}
