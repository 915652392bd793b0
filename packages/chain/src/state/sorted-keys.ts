/**
 * Keys in order, kept so while more come: an overlay is written to and listed in turns, and sorting
 * all of its keys for every listing would let a block of cheap commands cost quadratic time.
 */

/** Keys of a run at most: inserting moves half of one, finding a run looks at their first keys. */
const RUN = 512;

export class SortedKeys {
  /** Runs of ascending keys, none empty, each wholly before the next. */
  private readonly runs: string[][] = [];

  constructor(keys: Iterable<string>) {
    const sorted = [...keys].sort(compareKeys);
    for (let i = 0; i < sorted.length; i += RUN / 2) this.runs.push(sorted.slice(i, i + RUN / 2));
  }

  /** Adds a key that is not among them. */
  add(key: string): void {
    if (this.runs.length === 0) this.runs.push([]);
    const index = Math.max(0, this.runAfter(key) - 1);
    const run = this.runs[index]!;
    run.splice(placeIn(run, key), 0, key);
    if (run.length > RUN) this.runs.splice(index + 1, 0, run.splice(RUN / 2));
  }

  /** Keys with from <= key < to, ascending. */
  between(from: string, to: string): string[] {
    const found: string[] = [];
    for (let i = Math.max(0, this.runAfter(from) - 1); i < this.runs.length; i++) {
      const run = this.runs[i]!;
      for (let j = placeIn(run, from); j < run.length; j++) {
        if (run[j]! >= to) return found;
        found.push(run[j]!);
      }
    }
    return found;
  }

  /** Index of the first run that begins after `key`. */
  private runAfter(key: string): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.runs[middle]![0]! <= key) low = middle + 1;
      else high = middle;
    }
    return low;
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

/** Byte order of binary strings. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
