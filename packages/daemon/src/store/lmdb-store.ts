/**
 * Ordered bytes on disk: LMDB, whose reads are synchronous and whose commits survive a crash. A door of its own,
 * `@palisade/daemon/store`, so that who keeps nothing loads no database.
 */
import { type KeyValueStore, toBinaryString, type Write } from '@palisade/core';
import { type Database, open } from 'lmdb';

type Table = Database<Uint8Array, string>;

/** Keys are binary strings: they are written to where the database wants them, without a buffer each. */
const keyEncoder = {
  writeKey(key: string, target: Uint8Array, start: number): number {
    for (let i = 0; i < key.length; i++) target[start + i] = key.charCodeAt(i);
    return start + key.length;
  },
  readKey: (source: Uint8Array, start: number, end: number): string =>
    toBinaryString(source.subarray(start, end)),
};

/**
 * Arrays of up to so many bytes lie in the heap of the engine, which must give each a place of its
 * own before the database can read it: those are copied to one place instead. Balances are small.
 */
const IN_HEAP = 64;

export class LmdbStore implements KeyValueStore {
  private readonly table: Table;
  private readonly outside = new Uint8Array(new ArrayBuffer(IN_HEAP));

  /**
   * Opens or creates the database in `path`; a commit resolves when it is on the disk. One that is
   * opened to be read only must exist.
   */
  constructor(path: string, { readOnly = false }: { readonly readOnly?: boolean } = {}) {
    this.table = open<Uint8Array, string>({
      path,
      encoding: 'binary',
      keyEncoder,
      overlappingSync: false,
      readOnly,
    });
  }

  get(key: string): Uint8Array | undefined {
    return this.table.getBinary(key);
  }

  *range(from: string, to: string): Generator<readonly [string, Uint8Array]> {
    for (const { key, value } of this.table.getRange({ start: from, end: to })) yield [key, value];
  }

  async commit(writes: Iterable<Write>): Promise<void> {
    await this.table.transaction(() => {
      for (const [key, value] of writes)
        if (value === undefined) this.table.remove(key);
        else this.table.put(key, this.outsideHeap(value));
    });
  }

  /** Within a transaction a value is written at once: then the place is free for the next. */
  private outsideHeap(value: Uint8Array): Uint8Array {
    if (value.length > IN_HEAP) return value;
    this.outside.set(value);
    return this.outside.subarray(0, value.length);
  }

  async close(): Promise<void> {
    await this.table.close();
  }
}
