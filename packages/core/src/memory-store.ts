import type { KeyValueStore, Write } from './ports.ts';

/** A store in memory: for tests, and for replicas that are rebuilt when they start. */
export class MemoryStore implements KeyValueStore {
  private readonly values = new Map<string, Uint8Array>();
  /** Keys in order as of the last listing; some of them may be gone by now. */
  private sorted: readonly string[] = [];
  /** Keys that came since. A block adds few, so merging them in beats sorting all again. */
  private added = new Set<string>();
  private gone = 0;

  get(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  *range(from: string, to: string): Generator<readonly [string, Uint8Array]> {
    const keys = this.keysInOrder();
    for (let i = placeIn(keys, from); i < keys.length && keys[i]! < to; i++) {
      const value = this.values.get(keys[i]!);
      if (value !== undefined) yield [keys[i]!, value];
    }
  }

  async commit(writes: Iterable<Write>): Promise<void> {
    for (const [key, value] of writes) {
      if (value === undefined) {
        if (!this.values.delete(key)) continue;
        if (!this.added.delete(key)) this.gone++;
      } else {
        if (!this.values.has(key) && !this.isSorted(key)) this.added.add(key);
        this.values.set(key, value);
      }
    }
  }

  async close(): Promise<void> {}

  /** Whether a key that was removed still has its place, to come back to. */
  private isSorted(key: string): boolean {
    if (this.gone === 0 || this.sorted[placeIn(this.sorted, key)] !== key) return false;
    this.gone--;
    return true;
  }

  private keysInOrder(): readonly string[] {
    const tooManyGone = this.gone > this.values.size;
    if (this.added.size === 0 && !tooManyGone) return this.sorted;
    const fresh = [...this.added].sort((a, b) => (a < b ? -1 : 1));
    const merged: string[] = [];
    let next = 0;
    for (const key of this.sorted) {
      if (!this.values.has(key)) continue;
      while (next < fresh.length && fresh[next]! < key) merged.push(fresh[next++]!);
      merged.push(key);
    }
    while (next < fresh.length) merged.push(fresh[next++]!);
    this.sorted = merged;
    this.added = new Set();
    this.gone = 0;
    return merged;
  }
}

/** Index of the first key that is not below `key`. */
function placeIn(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
