/**
 * Keys of the state are binary strings (one char per byte): they work in a Map, compare with `<` in
 * byte order, and are turned to bytes only at the disk. A key reads `store/collection/` and then
 * its parts. All have fixed widths, so that keys need no separators; the last one alone may have none.
 */
import { fromBinaryString, PalisadeError, toBinaryString } from '@palisade/core';

export type KeyPart<T> = {
  /** Width in bytes; 0 for a part without a fixed one, which must come last: it ends with the key. */
  readonly width: number;
  write(value: T): string;
  /** Reads the part of a key's text that lies from `from` up to `to`. */
  read(text: string, from: number, to: number): T;
  /** Writes the part's char codes into `codes`, from `at` on; only where the width is fixed, because room is made before. */
  layOut?(value: T, codes: number[], at: number): void;
};

/** A key part of exactly `width` bytes: an address, an id, a node key. */
export function bytesKey(width: number): KeyPart<Uint8Array> {
  const check = ({ length }: Uint8Array) => {
    if (length === width) return;
    throw new PalisadeError({
      code: 'chain/bad-key',
      message: `A key part of ${width} bytes was given ${length}.`,
    });
  };
  return {
    width,
    write(value) {
      check(value);
      return toBinaryString(value);
    },
    read: fromBinaryString,
    layOut(value, codes, at) {
      check(value);
      for (let i = 0; i < width; i++) codes[at + i] = value[i]!;
    },
  };
}

/** Where numbers are laid out; writing a key is synchronous. */
const eight = new Uint8Array(8);
const eightView = new DataView(eight.buffer);

/** The number that was written last: all of a block ask for the same session and height. */
let last = { value: 0n, text: '\0'.repeat(8) };

/** A 64-bit number, big-endian, so that keys sort as the numbers do. */
export const u64Key: KeyPart<bigint> = {
  width: 8,
  write(value) {
    if (value === last.value) return last.text;
    eightView.setBigUint64(0, value);
    last = { value, text: toBinaryString(eight) };
    return last.text;
  },
  read(text, from) {
    for (let i = 0; i < 8; i++) eight[i] = text.charCodeAt(from + i);
    return eightView.getBigUint64(0);
  },
  layOut(value, codes, at) {
    eightView.setBigUint64(0, value);
    for (let i = 0; i < 8; i++) codes[at + i] = eight[i]!;
  },
};

/** As `u64Key`, for numbers that count what lies in memory: pages, places; at most 2^32 - 1. */
export const indexKey: KeyPart<number> = {
  width: 8,
  write: (value) => u64Key.write(BigInt(value)),
  read: (text, from, to) => Number(u64Key.read(text, from, to)),
  layOut(value, codes, at) {
    for (let i = 0; i < 4; i++) codes[at + i] = 0;
    for (let i = 0; i < 4; i++) codes[at + 4 + i] = (value >>> (24 - 8 * i)) & 0xff;
  },
};

/** Printable ASCII: a char beyond a byte would name another record on disk than in memory. */
const NAME = /^[\x21-\x7e]*$/;

/** Plain ASCII names (denominations, purposes) as the last part of a key. */
export const nameKey: KeyPart<string> = {
  width: 0,
  write(value) {
    if (NAME.test(value)) return value;
    throw new PalisadeError({
      code: 'chain/bad-key',
      message: 'A name in a key has other characters than printable ASCII.',
    });
  },
  read: (text, from, to) => text.slice(from, to),
};

/** The least key above every key that begins with `prefix`. */
export function afterPrefix(prefix: string): string {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xff) end--;
  return prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1);
}
