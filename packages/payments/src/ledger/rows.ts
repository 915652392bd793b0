/**
 * Rows of 32-bit words in one typed array: a row lies in one or two lines of the processor's cache,
 * where a column for each field would cost a miss a field, and the garbage collector visits none of it.
 */

/** How much the rows grow by: little, because millions of them would double at once. */
const GROWTH = 1.3;
const LEAST = 1024;

export class Rows {
  /** Word w of row r is `words[r * width + w]`; another array after every growth. */
  words = new Uint32Array(0);
  readonly width: number;
  private readonly free: number[] = [];
  private next = 0;

  constructor(width: number) {
    this.width = width;
  }

  /** Rows in use. */
  get used(): number {
    return this.next - this.free.length;
  }

  /** Rows below this were in use at some time. */
  get end(): number {
    return this.next;
  }

  /** A row whose words are whatever was there before. */
  take(): number {
    const free = this.free.pop();
    if (free !== undefined) return free;
    const capacity = this.words.length / this.width;
    if (this.next === capacity) this.reserve(Math.max(LEAST, Math.ceil(capacity * GROWTH)));
    return this.next++;
  }

  give(row: number): void {
    this.free.push(row);
  }

  /** Makes room for `count` rows in all at once. */
  reserve(count: number): void {
    if (count * this.width <= this.words.length) return;
    const words = new Uint32Array(count * this.width);
    words.set(this.words);
    this.words = words;
  }
}
