/** The book of the challenger on disk. */
import { exactJson, fromUtf8, type KeyValueStore, parseExactJson, utf8 } from '@palisade/core';
import { z } from 'zod';
import { booked, type Entry, NO_TOTALS, type Totals } from './book.ts';

const ENTRY = 'e';
const AFTER_ENTRIES = 'f';

const entrySchema = z.object({
  txHash: z.string(),
  subject: z.string(),
  height: z.bigint().transform(Number),
  spent: z.bigint(),
  reimbursed: z.bigint(),
  outcome: z.enum(['won', 'lost']),
});

export class EntryBook {
  private readonly store: KeyValueStore;
  totals: Totals = NO_TOTALS;

  constructor(store: KeyValueStore) {
    this.store = store;
    for (const entry of this.all()) this.totals = booked(this.totals, entry);
  }

  *all(): Generator<Entry> {
    for (const [, bytes] of this.store.range(ENTRY, AFTER_ENTRIES))
      yield entrySchema.parse(parseExactJson(fromUtf8(bytes)));
  }

  /** Books a transaction once; durable when it resolves. */
  async add(entry: Entry): Promise<void> {
    const key = ENTRY + entry.txHash;
    if (this.store.get(key)) return;
    await this.store.commit([[key, utf8(exactJson(entry))]]);
    this.totals = booked(this.totals, entry);
  }
}
