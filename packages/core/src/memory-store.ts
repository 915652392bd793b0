import type { KeyValueStore, Write } from './ports.ts';

/** Keys of a run at most: adding or removing one copies its run, finding a run halves their list. */
const RUN = 512;

/** A store in memory: for tests, and for replicas that are rebuilt when they start. */
export class MemoryStore implements KeyValueStore {
  private readonly values = new Map<string, Uint8Array>();
  /**
   * Runs of ascending keys, none empty, each wholly before the next. A run is replaced, never
   * changed: a walk under way may be in the middle of it.
   */
  private readonly runs: (readonly string[])[] = [];

  get(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  /** What is committed while a caller walks along may or may not appear in that walk. */
  *range(from: string, to: string): Generator<readonly [string, Uint8Array]> {
    for (let next = from; ; ) {
      const run = this.runFrom(next);
      if (!run) return;
      for (let i = placeIn(run, next); i < run.length; i++) {
        const key = run[i]!;
        if (key >= to) return;
        const value = this.values.get(key);
        if (value !== undefined) yield [key, value];
      }
      next = `${run.at(-1)}\0`;
    }
  }

  async commit(writes: Iterable<Write>): Promise<void> {
    for (const [key, value] of writes)
      if (value === undefined) {
        if (this.values.delete(key)) this.removeKey(key);
      } else {
        if (!this.values.has(key)) this.addKey(key);
        this.values.set(key, value);
      }
  }

  async close(): Promise<void> {}

  private addKey(key: string): void {
    const index = this.runBefore(key);
    const run = this.runs[index] ?? [];
    const longer = run.toSpliced(placeIn(run, key), 0, key);
    if (longer.length <= RUN) this.runs[index] = longer;
    else this.runs.splice(index, 1, longer.slice(0, RUN / 2), longer.slice(RUN / 2));
  }

  private removeKey(key: string): void {
    const index = this.runBefore(key);
    const run = this.runs[index]!;
    if (run.length === 1) this.runs.splice(index, 1);
    else this.runs[index] = run.toSpliced(placeIn(run, key), 1);
  }

  /** The run that holds the first key from `key` on. */
  private runFrom(key: string): readonly string[] | undefined {
    const index = this.runBefore(key);
    const run = this.runs[index];
    return run && run.at(-1)! >= key ? run : this.runs[index + 1];
  }

  /** Index of the last run that begins at or before `key`; of the first where none does. */
  private runBefore(key: string): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.runs[middle]![0]! <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** Index of the first key of a run that is not below `key`. */
function placeIn(run: readonly string[], key: string): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (run[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
