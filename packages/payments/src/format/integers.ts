/** Big-endian unsigned integers: as 32-byte words, and as short as they can be. */
import { toHex } from '@palisade/core';

/** Bytes of a word of the root chain's machine. */
export const WORD = 32;
/** First amount that a word cannot hold. */
export const WORD_LIMIT = 1n << 256n;

const eight = new DataView(new ArrayBuffer(WORD));
const eightBytes = new Uint8Array(eight.buffer);

/** Lays a number out in the shared place; it is copied before anything else is laid out. */
function layOut(value: bigint): Uint8Array {
  for (let at = 24, rest = value; at >= 0; at -= 8, rest >>= 64n)
    eight.setBigUint64(at, BigInt.asUintN(64, rest));
  return eightBytes;
}

/** 32 bytes. */
export function wordOf(value: bigint): Uint8Array {
  return layOut(value).slice();
}

/** Writes the 32 bytes of a number into `out`. */
export function writeWord(out: Uint8Array, at: number, value: bigint): void {
  out.set(layOut(value), at);
}

/** As few bytes as hold the number: none for zero. */
export function minimalOf(value: bigint): Uint8Array {
  const bytes = layOut(value);
  let first = 0;
  while (first < WORD && bytes[first] === 0) first++;
  return bytes.slice(first);
}

/** The number that bytes stand for. */
export function numberOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(toHex(bytes));
}
