import type { KeyValueStore, Write } from './ports.ts';

/** Keys of a run at most: adding or removing one copies its run, finding a run halves their list. */
const RUN = 512;

/** A key and what it has, found by the key and met on walks; without a value once it was removed. */
type Slot = { readonly key: string; value: Uint8Array | undefined };

/** A store in memory: for tests, and for replicas that are rebuilt when they start. */
export class MemoryStore implements KeyValueStore {
  private readonly slots = new Map<string, Slot>();
  /**
   * Runs of slots by ascending key, none empty, each wholly before the next. A run is replaced, never
   * changed: a walk under way may be in the middle of it.
   */
  private readonly runs: (readonly Slot[])[] = [];

  get(key: string): Uint8Array | undefined {
    return this.slots.get(key)?.value;
  }

  /** What is committed while a caller walks along may or may not appear in that walk. */
  *range(from: string, to: string): Generator<readonly [string, Uint8Array]> {
    for (let next = from; ; ) {
      const run = this.runFrom(next);
      if (!run) return;
      for (let i = placeIn(run, next); i < run.length; i++) {
        const { key, value } = run[i]!;
        if (key >= to) return;
        if (value !== undefined) yield [key, value];
      }
      next = `${run.at(-1)!.key}\0`;
    }
  }

  async commit(writes: Iterable<Write>): Promise<void> {
    for (const [key, value] of writes) {
      const slot = this.slots.get(key);
      if (slot) slot.value = value;
      if (slot && value === undefined) this.remove(key);
      if (!slot && value !== undefined) this.add({ key, value });
    }
  }

  async close(): Promise<void> {}

  private add(slot: Slot): void {
    this.slots.set(slot.key, slot);
    const index = this.runBefore(slot.key);
    const run = this.runs[index] ?? [];
    const longer = run.toSpliced(placeIn(run, slot.key), 0, slot);
    if (longer.length <= RUN) this.runs[index] = longer;
    else this.runs.splice(index, 1, longer.slice(0, RUN / 2), longer.slice(RUN / 2));
  }

  private remove(key: string): void {
    this.slots.delete(key);
    const index = this.runBefore(key);
    const run = this.runs[index]!;
    if (run.length === 1) this.runs.splice(index, 1);
    else this.runs[index] = run.toSpliced(placeIn(run, key), 1);
  }

  /** The run that holds the first key from `key` on. */
  private runFrom(key: string): readonly Slot[] | undefined {
    const index = this.runBefore(key);
    const run = this.runs[index];
    return run && run.at(-1)!.key >= key ? run : this.runs[index + 1];
  }

  /** Index of the last run that begins at or before `key`; of the first where none does. */
  private runBefore(key: string): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.runs[middle]![0]!.key <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** Index of the first slot of a run whose key is not below `key`. */
function placeIn(run: readonly Slot[], key: string): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (run[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
