/** Byte strings: hex, joining, comparing, and the few fixed-width integers that keys are made of. */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { PalisadeError } from './errors.ts';

const HEX_DIGITS = '0123456789abcdef';
const HEX_OF_BYTE: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => HEX_DIGITS[byte >> 4]! + HEX_DIGITS[byte & 15]!,
);

/**
 * Up to this many bytes (addresses, ids, keys, signatures) become text by one call over a reused
 * list of char codes: text that is put together piece by piece is a tree of pieces.
 */
const FEW = 65;
const CODES: readonly number[][] = Array.from({ length: 2 + 2 * FEW + 1 }, (_, length) =>
  new Array<number>(length).fill(0),
);
const CODE_OF_DIGIT: readonly number[] = Array.from(HEX_DIGITS, (digit) => digit.charCodeAt(0));

/** `0x`-prefixed lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  if (bytes.length <= FEW) {
    const codes = CODES[2 + 2 * bytes.length]!;
    codes[0] = 0x30;
    codes[1] = 0x78;
    for (let i = 0; i < bytes.length; i++) {
      codes[2 + 2 * i] = CODE_OF_DIGIT[bytes[i]! >> 4]!;
      codes[3 + 2 * i] = CODE_OF_DIGIT[bytes[i]! & 15]!;
    }
    return String.fromCharCode.apply(null, codes);
  }
  let text = '0x';
  for (let i = 0; i < bytes.length; i++) text += HEX_OF_BYTE[bytes[i]!];
  return text;
}

function nibble(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  if (code >= 65 && code <= 70) return code - 55;
  return -1;
}

/**
 * Bytes of a hex string, with or without `0x`.
 * @throws PalisadeError `core/bad-hex` when the text has an odd length or another character.
 */
export function fromHex(text: string): Uint8Array {
  const start = text.startsWith('0x') ? 2 : 0;
  const length = (text.length - start) / 2;
  const bytes = new Uint8Array(Math.floor(length));
  let good = Number.isInteger(length);
  for (let i = 0; good && i < bytes.length; i++) {
    const high = nibble(text.charCodeAt(start + 2 * i));
    const low = nibble(text.charCodeAt(start + 2 * i + 1));
    if (high < 0 || low < 0) good = false;
    bytes[i] = (high << 4) | low;
  }
  if (good) return bytes;
  throw new PalisadeError({
    code: 'core/bad-hex',
    message: `'${text.slice(0, 24)}' is not hex: it needs an even number of the digits 0-9 and a-f.`,
  });
}

/** All arrays, one after another, in a new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Equality for public data; secrets are compared with `constantTimeEqual` of core/crypto. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Order of unsigned bytes, shorter first on a common prefix: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The WHATWG decoder: in every runtime, though in none of the language's own type libraries. */
declare const TextDecoder: new (
  label: 'utf-8',
  options: { fatal: true; ignoreBOM: true },
) => { decode(bytes: Uint8Array): string };
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Up to this length, ASCII is copied char by char: the platform's coders cost more to call. */
const SHORT = 48;

/** UTF-8 bytes of a string. */
export function utf8(text: string): Uint8Array {
  if (text.length > SHORT) return utf8ToBytes(text);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return utf8ToBytes(text);
    bytes[i] = code;
  }
  return bytes;
}

/** The string that UTF-8 bytes spell. @throws TypeError when they are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  if (bytes.length > SHORT) return decoder.decode(bytes);
  let text = '';
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! > 0x7f) return decoder.decode(bytes);
    text += String.fromCharCode(bytes[i]!);
  }
  return text;
}

/** Unsigned 32-bit big-endian. */
export function u32be(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Unsigned 64-bit big-endian: sorts as bytes exactly as the number does. */
export function u64be(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** The number that eight big-endian bytes at `offset` stand for. */
export function readU64be(bytes: Uint8Array, offset = 0): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(offset);
}

/** Chars per call of fromCharCode: more would overflow the argument stack. */
const CHARS_PER_CALL = 4096;

/** Bytes as a binary string, one char (0..255) per byte: a Map key that sorts in byte order. */
export function toBinaryString(bytes: Uint8Array): string {
  if (bytes.length <= FEW) {
    const codes = CODES[bytes.length]!;
    for (let i = 0; i < bytes.length; i++) codes[i] = bytes[i]!;
    return String.fromCharCode.apply(null, codes);
  }
  let text = '';
  for (let i = 0; i < bytes.length; i += CHARS_PER_CALL)
    text += String.fromCharCode.apply(
      null,
      bytes.subarray(i, i + CHARS_PER_CALL) as unknown as number[],
    );
  return text;
}

/** The bytes of a binary string. */
export function fromBinaryString(text: string, from = 0, to = text.length): Uint8Array {
  const bytes = new Uint8Array(to - from);
  for (let i = from; i < to; i++) bytes[i - from] = text.charCodeAt(i);
  return bytes;
}
