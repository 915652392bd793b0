/**
 * Keys of the state are binary strings (one char per byte): they work in a Map, compare with `<` in
 * byte order, and are turned to bytes only at the disk. A key reads `store/collection/` and then
 * its parts. All have fixed widths, so that keys need no separators; the last one alone may have none.
 */
import { fromBinaryString, PalisadeError, toBinaryString } from '@palisade/core';

export type KeyPart<T> = {
  /** Width in bytes; 0 for a part without a fixed one, which must come last: it ends with the key. */
  readonly width: number;
  /** Set where values come again and again, and are few: whole keys of them are kept as text. */
  readonly few?: true;
  write(value: T): string;
  /** Reads the part of a key's text that lies from `from` up to `to`. */
  read(text: string, from: number, to: number): T;
  /**
   * Writes the part's char codes into `codes`, from `at` on, and tells whether others stood there;
   * only where the width is fixed, because room is made before.
   */
  layOut?(value: T, codes: number[], at: number): boolean;
};

function layOutBytes(bytes: Uint8Array, codes: number[], at: number): boolean {
  let differs = false;
  for (let i = 0; i < bytes.length; i++) {
    if (codes[at + i] === bytes[i]) continue;
    codes[at + i] = bytes[i]!;
    differs = true;
  }
  return differs;
}

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
      return layOutBytes(value, codes, at);
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
    return layOutBytes(eight, codes, at);
  },
};

/** As `u64Key`, for numbers that count what lies in memory: pages, places; at most 2^32 - 1. */
export const indexKey: KeyPart<number> = {
  width: 8,
  few: true,
  write: (value) => u64Key.write(BigInt(value)),
  read: (text, from, to) => Number(u64Key.read(text, from, to)),
  layOut(value, codes, at) {
    eightView.setUint32(0, 0);
    eightView.setUint32(4, value);
    return layOutBytes(eight, codes, at);
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

/** Writes keys that begin with a collection's name, whole ones and their beginnings. */
export type KeyWriter = (...key: readonly unknown[]) => string;

export function keyWriter(head: string, parts: readonly KeyPart<unknown>[]): KeyWriter {
  if (!parts.every(({ layOut }) => layOut))
    return (...key) => key.reduce((text: string, value, i) => text + parts[i]!.write(value), head);
  const write = inOnePiece(head, parts);
  return parts.length === 1 && parts[0]!.few ? remembering(write) : write;
}

type Layout = { readonly codes: number[]; text: string | undefined };

/**
 * Keys of fixed width are laid out in one piece: text that is put together piece by piece is a tree
 * of pieces, twice as slow to look up. The last key of each length stays laid out, and its text is
 * answered again where nothing differs: a command asks for its sender's record again and again.
 */
function inOnePiece(head: string, parts: readonly KeyPart<unknown>[]): KeyWriter {
  const codes = Array.from(head, (char) => char.charCodeAt(0));
  const layouts: Layout[] = [{ codes: [...codes], text: head }];
  for (const { width } of parts) {
    codes.push(...new Array<number>(width).fill(0));
    layouts.push({ codes: [...codes], text: undefined });
  }
  return (...key) => {
    const layout = layouts[key.length]!;
    let at = head.length;
    for (let i = 0; i < key.length; i++) {
      // At once: where a later part is refused, the old text must not stand for the new beginning.
      if (parts[i]!.layOut!(key[i], layout.codes, at)) layout.text = undefined;
      at += parts[i]!.width;
    }
    layout.text ??= String.fromCharCode.apply(null, layout.codes);
    return layout.text;
  };
}

/** Keys that a collection keeps as text at most: pages of 30 000 running sums. */
const MAX_KEPT = 4096;

function remembering(write: KeyWriter): KeyWriter {
  const texts = new Map<unknown, string>();
  return (...key) => {
    const known = texts.get(key[0]);
    if (known !== undefined) return known;
    const text = write(...key);
    if (key.length === 1 && texts.size < MAX_KEPT) texts.set(key[0], text);
    return text;
  };
}

/** The least key above every key that begins with `prefix`. */
export function afterPrefix(prefix: string): string {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xff) end--;
  return prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1);
}
