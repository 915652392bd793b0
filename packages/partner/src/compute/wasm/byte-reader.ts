/**
 * Reads the binary format of WebAssembly (Core Specification 2.0, chapter 5): bytes, and integers in
 * LEB128. Every read is bounded by the range that the reader was made for.
 */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Why a module cannot be run: thrown inside this folder, a value for everybody else. */
export class BadModule extends Error {}

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    if (this.at >= this.end) throw new BadModule('it ends in the middle of something');
    return this.bytes[this.at++]!;
  }

  /** An unsigned 32-bit integer: at most five bytes, no bits beyond the 32nd. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new BadModule('one of its numbers does not fit 32 bits');
  }

  /** Passes over a signed integer of at most so many bytes; WebAssembly itself checks its range. */
  skipSigned(mostBytes: number): void {
    for (let i = 0; i < mostBytes; i++) if (this.byte() < 0x80) return;
    throw new BadModule('one of its numbers is too long');
  }

  skip(length: number): void {
    if (length > this.end - this.at) throw new BadModule('it ends in the middle of something');
    this.at += length;
  }

  /** A reader of the next bytes alone, which this one passes over. */
  part(length: number): ByteReader {
    const start = this.at;
    this.skip(length);
    return new ByteReader(this.bytes, start, this.at);
  }

  name(): string {
    const part = this.part(this.u32());
    try {
      return decoder.decode(part.bytes.subarray(part.at, part.end));
    } catch {
      throw new BadModule('one of its names is not UTF-8');
    }
  }

  /** The length of a list, refused beyond a bound before anything is made for it. */
  count(what: string, most: number): number {
    const count = this.u32();
    if (count > most) throw new BadModule(`it has ${count} ${what}; at most ${most} are allowed`);
    return count;
  }

  /** The bytes from a place up to where the reader stands. */
  since(start: number): Uint8Array {
    return this.bytes.subarray(start, this.at);
  }
}
