/** Slots of columns: which are free, and how many the columns have room for. */

/** How much the columns grow by: little, because millions of slots would double at once. */
const GROWTH = 1.3;
const LEAST = 1024;

/** Hands out slots, the lowest free ones of a stack first. */
export class Slots {
  private readonly grow: (capacity: number) => void;
  private free: number[] = [];
  private next = 0;
  private capacity = 0;

  /** @param grow gives every column room for that many slots */
  constructor(grow: (capacity: number) => void) {
    this.grow = grow;
  }

  /** Slots in use. */
  get used(): number {
    return this.next - this.free.length;
  }

  /** Slots below this were in use at some time. */
  get end(): number {
    return this.next;
  }

  take(): number {
    const free = this.free.pop();
    if (free !== undefined) return free;
    if (this.next === this.capacity)
      this.reserve(Math.max(LEAST, Math.ceil(this.capacity * GROWTH)));
    return this.next++;
  }

  give(slot: number): void {
    this.free.push(slot);
  }

  reserve(capacity: number): void {
    if (capacity <= this.capacity) return;
    this.capacity = capacity;
    this.grow(capacity);
  }
}

type Column = { readonly length: number; set(other: never): void };

/** A longer column with the same beginning. */
export function grown<C extends Column>(column: C, length: number): C {
  const make = column.constructor as new (length: number) => C;
  const longer = new make(length);
  longer.set(column as never);
  return longer;
}
