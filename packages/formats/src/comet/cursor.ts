/**
 * Reading protobuf's values strictly: a varint is as short as it can be and fits its type, nothing
 * reaches beyond the end, and every length has a bound.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { PalisadeError } from '@palisade/core';

/** The error of every decoder here: what came is not such a message. */
export function malformed(what: string): PalisadeError {
  return new PalisadeError({
    code: 'formats/malformed',
    message: `These bytes are not a well-formed message: ${what}.`,
    retry: 'never',
  });
}

/** Where decoding stands in one message. */
export type Cursor = { readonly bytes: Uint8Array; at: number };

/** A varint of at most `bits` bits in its shortest form. */
export function readVarint(cursor: Cursor, bits: number): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw malformed('it ends in the middle of a varint');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    if (byte === 0 && shift > 0n) throw malformed('a varint is longer than it need be');
    if (value >> BigInt(bits) !== 0n) throw malformed(`a varint has over ${bits} bits`);
    return value;
  }
  throw malformed('a varint is longer than ten bytes');
}

/** Tags and lengths are mostly one byte, and a list of transactions has two of them for each. */
export function readUint32(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at];
  if (byte === undefined || byte >= 0x80) return Number(readVarint(cursor, 32));
  cursor.at++;
  return byte;
}

export function toInt32(raw: bigint): number {
  const value = BigInt.asIntN(64, raw);
  if (value !== BigInt.asIntN(32, value)) throw malformed('a number does not fit 32 bits');
  return Number(value);
}

export function readFixed64(cursor: Cursor): bigint {
  const view = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset);
  return view.getBigInt64(advance(cursor, 8), true);
}

/** A view of the bytes, not a copy: whoever keeps it copies it. */
export function readBytes(cursor: Cursor, maxBytes: number): Uint8Array {
  const length = readUint32(cursor);
  if (length > maxBytes) throw malformed(`${length} bytes where at most ${maxBytes} are allowed`);
  const start = advance(cursor, length);
  return cursor.bytes.subarray(start, start + length);
}

/** A copy, so that nobody's buffer is kept; `slice` of Node's Buffer would not copy. */
export function copyBytes(cursor: Cursor, maxBytes: number): Uint8Array {
  return new Uint8Array(readBytes(cursor, maxBytes));
}

export function readString(cursor: Cursor, maxBytes: number): string {
  const start = cursor.at;
  readBytes(cursor, maxBytes);
  const reader = new BinaryReader(cursor.bytes.subarray(start, cursor.at));
  try {
    return reader.string(true);
  } catch {
    throw malformed('a string is not UTF-8');
  }
}

function advance(cursor: Cursor, length: number): number {
  const start = cursor.at;
  cursor.at += length;
  if (cursor.at > cursor.bytes.length) throw malformed('it ends in the middle of a value');
  return start;
}
