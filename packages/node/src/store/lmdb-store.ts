/** The chain's state on disk: LMDB, whose reads are synchronous and whose commits survive a crash. */
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

export class LmdbStore implements KeyValueStore {
  private readonly table: Table;

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
        else this.table.put(key, value);
    });
  }

  async close(): Promise<void> {
    await this.table.close();
  }
}
