import type { KeyValueStore, Write } from './ports.ts';

/** A store in memory: for tests, and for replicas that are rebuilt when they start. */
export class MemoryStore implements KeyValueStore {
  private readonly values = new Map<string, Uint8Array>();
  private sorted: string[] | undefined = [];

  get(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  *range(from: string, to: string): Generator<readonly [string, Uint8Array]> {
    this.sorted ??= [...this.values.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const keys = this.sorted;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (keys[middle]! < from) low = middle + 1;
      else high = middle;
    }
    for (; low < keys.length && keys[low]! < to; low++) {
      const value = this.values.get(keys[low]!);
      if (value !== undefined) yield [keys[low]!, value];
    }
  }

  async commit(writes: Iterable<Write>): Promise<void> {
    for (const [key, value] of writes) {
      if (value === undefined) {
        if (this.values.delete(key)) this.sorted = undefined;
      } else {
        if (!this.values.has(key)) this.sorted = undefined;
        this.values.set(key, value);
      }
    }
  }

  async close(): Promise<void> {}
}
