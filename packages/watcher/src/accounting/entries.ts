/** The book of the challenger on disk. */
import {
  exactJson,
  fromUtf8,
  type KeyValueStore,
  parseExactJson,
  utf8,
  type Write,
} from '@palisade/core';
import * as z from 'zod';
import { booked, type Entry, NO_TOTALS, type Totals } from './book.ts';

const ENTRY = 'e';
const AFTER_ENTRIES = 'f';
const SENT = 'p';
const AFTER_SENT = 'q';

const sentSchema = z.object({
  txHash: z.string(),
  subject: z.string(),
  height: z.bigint().transform(Number),
  empty: z.boolean(),
  reimbursed: z.bigint(),
});
/** A transaction that went out: what it challenges, at which height, whether it only takes a nonce, what it brings. */
export type Sent = z.output<typeof sentSchema>;

const entrySchema = z.object({
  txHash: z.string(),
  subject: z.string(),
  height: z.bigint().transform(Number),
  spent: z.bigint(),
  reimbursed: z.bigint(),
  outcome: z.enum(['won', 'lost']),
  /** What was noted when it went out: it counts again when the root chain takes its block back. */
  sent: sentSchema,
});

export class EntryBook {
  private readonly store: KeyValueStore;
  totals: Totals = NO_TOTALS;

  constructor(store: KeyValueStore) {
    this.store = store;
    this.totals = [...this.all()].reduce(booked, NO_TOTALS);
  }

  *all(): Generator<Entry & { readonly sent: Sent }> {
    for (const [, bytes] of this.store.range(ENTRY, AFTER_ENTRIES))
      yield entrySchema.parse(parseExactJson(fromUtf8(bytes)));
  }

  /** Books a transaction once, and with it settles all that was sent for its subject; durable when it resolves. */
  async add(entry: Entry, sent: Sent): Promise<void> {
    const key = ENTRY + entry.txHash;
    const isNew = this.store.get(key) === undefined;
    await this.store.commit([
      ...(isNew ? [[key, utf8(exactJson({ ...entry, sent }))] as const] : []),
      ...this.settling((sent) => sent.subject === entry.subject),
    ]);
    if (isNew) this.totals = booked(this.totals, entry);
  }

  /** The root chain took back what came after a height: what is booked of it was sent, and no more is known. */
  async rewind(height: number): Promise<void> {
    const gone = [...this.all()].filter((entry) => entry.height > height);
    await this.store.commit(
      gone.flatMap(({ txHash, sent }): Write[] => [
        [ENTRY + txHash, undefined],
        [SENT + txHash, utf8(exactJson(sent))],
      ]),
    );
    this.totals = [...this.all()].reduce(booked, NO_TOTALS);
  }

  /** Notes what is about to be sent, so that it is booked even by one who dies meanwhile. */
  async note(sent: Sent): Promise<void> {
    await this.store.commit([[SENT + sent.txHash, utf8(exactJson(sent))]]);
  }

  /** What was sent, and never booked. */
  *unsettled(): Generator<Sent> {
    for (const [, bytes] of this.store.range(SENT, AFTER_SENT))
      yield sentSchema.parse(parseExactJson(fromUtf8(bytes)));
  }

  /** Gives up what came into no block for long. */
  async forget({ txHash }: Sent): Promise<void> {
    await this.store.commit([...this.settling((sent) => sent.txHash === txHash)]);
  }

  private *settling(which: (sent: Sent) => boolean): Generator<Write> {
    for (const sent of this.unsettled()) if (which(sent)) yield [SENT + sent.txHash, undefined];
  }
}
