/** Since when blocks are missing, on disk: a watcher that restarts does not begin to wait anew. */
import {
  concat,
  type KeyValueStore,
  readU64be,
  toBinaryString,
  u64be,
  type Write,
} from '@palisade/core';
import { failedAgain, type Missing } from './withholding.ts';

export type MissingBook = {
  get(blknum: number): Missing | undefined;
  /** Notes one more failure; durable when it resolves. */
  failed(blknum: number, nowMs: number): Promise<Missing>;
  /** What to write once the block is there. */
  forget(blknum: number): Write;
};

export function missingBook(store: KeyValueStore, patienceMs: number): MissingBook {
  const get = (blknum: number): Missing | undefined => {
    const bytes = store.get(keyOf(blknum));
    if (!bytes) return undefined;
    const [since, tries, next] = [0, 8, 16].map((at) => Number(readU64be(bytes, at)));
    return { since: since!, tries: tries!, next: next! };
  };
  return {
    get,
    failed: async (blknum, nowMs) => {
      const missing = failedAgain(get(blknum), nowMs, patienceMs);
      const { since, tries, next } = missing;
      const words = [since, tries, next].map((value) => u64be(BigInt(Math.floor(value))));
      await store.commit([[keyOf(blknum), concat(...words)]]);
      return missing;
    },
    forget: (blknum) => [keyOf(blknum), undefined],
  };
}

function keyOf(blknum: number): string {
  return `m${toBinaryString(u64be(BigInt(blknum)))}`;
}
