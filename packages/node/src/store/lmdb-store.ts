/** The chain's state on disk: LMDB, whose reads are synchronous and whose commits survive a crash. */
import type { KeyValueStore, Write } from '@palisade/core';
import { type Database, open } from 'lmdb';

type Table = Database<Uint8Array, Uint8Array>;

const toKey = (key: string): Buffer => Buffer.from(key, 'latin1');

export class LmdbStore implements KeyValueStore {
  private readonly table: Table;

  /** Opens or creates the database in `path`; a commit resolves when it is on the disk. */
  constructor(path: string) {
    this.table = open<Uint8Array, Uint8Array>({
      path,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
    });
  }

  get(key: string): Uint8Array | undefined {
    return this.table.getBinary(toKey(key));
  }

  *range(from: string, to: string): Generator<readonly [string, Uint8Array]> {
    for (const { key, value } of this.table.getRange({ start: toKey(from), end: toKey(to) }))
      yield [(key as Buffer).toString('latin1'), value];
  }

  async commit(writes: Iterable<Write>): Promise<void> {
    await this.table.transaction(() => {
      for (const [key, value] of writes)
        if (value === undefined) this.table.remove(toKey(key));
        else this.table.put(toKey(key), value);
    });
  }

  async close(): Promise<void> {
    await this.table.close();
  }
}
