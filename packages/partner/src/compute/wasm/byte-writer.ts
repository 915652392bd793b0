/** Writes the binary format of WebAssembly into a buffer that grows. */
import { BadModule } from './byte-reader.ts';

const encoder = new TextEncoder();

/**
 * A metered module is longer than the module: at worst some ten times, when it consists of calls.
 * What grows beyond this was made to grow.
 */
const MAX_BYTES = 128 * 2 ** 20;

export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  raw(bytes: ArrayLike<number>): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  u32(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) | 0x80);
    this.byte(rest);
  }

  /** A signed integer of up to 64 bits. */
  signed(value: bigint): void {
    let rest = value;
    // Seven bits fit when what is left repeats the sign, which is the seventh bit.
    for (; rest < -64n || rest > 63n; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80);
    this.byte(Number(rest & 0x7fn));
  }

  name(text: string): void {
    const bytes = encoder.encode(text);
    this.u32(bytes.length);
    this.raw(bytes);
  }

  /** Another writer's bytes, with their length before them. */
  sized(content: ByteWriter): void {
    this.u32(content.length);
    this.raw(content.bytes());
  }

  /** What was written; a view that the next write may leave behind. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    const wanted = this.#length + more;
    if (wanted <= this.#bytes.length) return;
    if (wanted > MAX_BYTES) throw new BadModule('it grows too long when it is metered');
    const grown = new Uint8Array(Math.min(MAX_BYTES, Math.max(wanted, 2 * this.#bytes.length)));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
