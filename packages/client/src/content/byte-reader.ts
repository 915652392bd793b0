/** Pieces of an exact length out of a stream of chunks of any length. */

/** Reads a stream piece by piece; holds one chunk of the source besides the piece it fills. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `length` bytes, fewer only where the stream ends. */
  read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.fill(new Uint8Array(length));
  }

  /** The next bytes in a buffer of the caller, to be used again; fewer only where the stream ends. */
  async fill(buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    let filled = 0;
    while (filled < buffer.length && !(await this.atEnd())) {
      const taken = this.#chunk.subarray(0, buffer.length - filled);
      buffer.set(taken, filled);
      filled += taken.length;
      this.#chunk = this.#chunk.subarray(taken.length);
    }
    return buffer.subarray(0, filled);
  }

  /** The next `length` bytes as they came, without a copy; fewer only where the stream ends. */
  async take(length: number): Promise<readonly Uint8Array[]> {
    const parts: Uint8Array[] = [];
    for (let left = length; left > 0 && !(await this.atEnd()); left -= parts.at(-1)!.length) {
      parts.push(this.#chunk.subarray(0, left));
      this.#chunk = this.#chunk.subarray(left);
    }
    return parts;
  }

  /** Whether nothing follows; looks at the source when it has to. */
  async atEnd(): Promise<boolean> {
    while (this.#chunk.length === 0 && !this.#ended) {
      const next = await this.#source.next();
      if (next.done) this.#ended = true;
      else this.#chunk = next.value;
    }
    return this.#chunk.length === 0;
  }

  /** Lets the source close what it holds. Safe to call more than once. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#chunk = new Uint8Array(0);
    await this.#source.return?.();
  }
}
