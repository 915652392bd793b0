/** Invalid payouts on disk: the money is gone for good, so the warning stays (X6). */
import {
  exactJson,
  fromHex,
  fromUtf8,
  type KeyValueStore,
  parseExactJson,
  toHex,
  utf8,
} from '@palisade/core';
import * as z from 'zod';
import type { InvalidPayout } from './follow-ledger.ts';

const PAYOUT = 'i';
const AFTER_PAYOUTS = 'j';

const payoutSchema = z.object({
  exitId: z.bigint(),
  positions: z.array(z.bigint()),
  height: z.bigint().transform(Number),
  txHash: z.string().transform(fromHex),
});
export type KeptPayout = z.output<typeof payoutSchema>;

export class PayoutStore {
  private readonly store: KeyValueStore;

  constructor(store: KeyValueStore) {
    this.store = store;
  }

  all(): readonly KeptPayout[] {
    return [...this.store.range(PAYOUT, AFTER_PAYOUTS)].map(([, bytes]) =>
      payoutSchema.parse(parseExactJson(fromUtf8(bytes))),
    );
  }

  /** Durable when it resolves; the same payout is kept once. */
  async add({ fact, exitId, positions }: InvalidPayout): Promise<void> {
    const { height, index, txHash } = fact;
    const kept = exactJson({ exitId, positions, height, txHash: toHex(txHash) });
    await this.store.commit([[`${PAYOUT}${height}/${index}`, utf8(kept)]]);
  }

  /** The root chain took back what came after a height. */
  async rewind(height: number): Promise<void> {
    const gone = [...this.store.range(PAYOUT, AFTER_PAYOUTS)].filter(
      ([, bytes]) => payoutSchema.parse(parseExactJson(fromUtf8(bytes))).height > height,
    );
    await this.store.commit(gone.map(([key]) => [key, undefined]));
  }
}
