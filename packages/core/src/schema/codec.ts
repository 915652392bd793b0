/** Canonical bytes of a schema's values. */
import { concat, equalBytes } from '../bytes.ts';
import { PalisadeError } from '../errors.ts';
import type { Schema } from './schema.ts';

/**
 * Where small values are encoded and decoded, bytes: nearly all transactions and records. A view of
 * a new array costs more than the coding itself, so one is used again and again; coding is
 * synchronous and never nested, and what it yields are copies.
 */
const SMALL = 4096;
const scratch = new Uint8Array(SMALL);
const views = { uint8Array: scratch, dataView: new DataView(scratch.buffer) };

/** SSZ bytes of a value. @throws Error when the value does not fit its type: a bug of the caller. */
export function encode<T>(schema: Schema<T>, value: T): Uint8Array {
  return encodeBehind(NOTHING, schema, value);
}

const NOTHING = new Uint8Array();

/** As `encode`, behind a few bytes that say what follows. */
export function encodeBehind<T>(head: Uint8Array, schema: Schema<T>, value: T): Uint8Array {
  const size = head.length + schema.ssz.value_serializedSize(value);
  if (size > SMALL) return concat(head, schema.ssz.serialize(value));
  scratch.set(head);
  serialize(schema, value, head.length, size);
  return scratch.slice(0, size);
}

/** Writes a value into the shared place, from `start` to `end`. */
function serialize<T>(schema: Schema<T>, value: T, start: number, end: number): void {
  // A type that leaves bytes unwritten must find zeros, not what was there before.
  scratch.fill(0, start, end);
  schema.ssz.value_serializeToBytes(views, start, value);
}

/** Whether bytes are what a value encodes to. */
function isEncodingOf<T>(schema: Schema<T>, value: T, bytes: Uint8Array): boolean {
  if (schema.ssz.value_serializedSize(value) !== bytes.length) return false;
  if (bytes.length > SMALL) return equalBytes(schema.ssz.serialize(value), bytes);
  serialize(schema, value, 0, bytes.length);
  for (let i = 0; i < bytes.length; i++) if (scratch[i] !== bytes[i]) return false;
  return true;
}

function deserialize<T>(schema: Schema<T>, bytes: Uint8Array, start = 0): T {
  if (bytes.length > SMALL) return schema.ssz.deserialize(bytes.subarray(start));
  scratch.set(bytes);
  return schema.ssz.value_deserializeFromBytes(views, start, bytes.length);
}

/**
 * The value that bytes stand for. Only the one canonical form is accepted: what is decoded must
 * encode to the very same bytes.
 * @throws PalisadeError `schema/malformed`
 */
export function decode<T>(schema: Schema<T>, bytes: Uint8Array): T {
  let value: T;
  try {
    value = deserialize(schema, bytes);
    if (isEncodingOf(schema, value, bytes)) return value;
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : 'undecodable');
  }
  throw malformed('the bytes are a second form of the same value');
}

/**
 * The value of bytes, from `start` on, that this program encoded itself: no second encoding is made
 * to compare.
 */
export function decodeTrusted<T>(schema: Schema<T>, bytes: Uint8Array, start = 0): T {
  return deserialize(schema, bytes, start);
}

function malformed(why: string): PalisadeError {
  return new PalisadeError({
    code: 'schema/malformed',
    message: `These bytes are not a canonical SSZ encoding: ${why.slice(0, 120)}.`,
  });
}
