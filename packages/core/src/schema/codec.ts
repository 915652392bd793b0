/** Canonical bytes of a schema's values. */
import { equalBytes } from '../bytes.ts';
import { PalisadeError } from '../errors.ts';
import type { Schema } from './schema.ts';

/** SSZ bytes of a value. @throws Error when the value does not fit its type: a bug of the caller. */
export function encode<T>(schema: Schema<T>, value: T): Uint8Array {
  return schema.ssz.serialize(value);
}

/**
 * The value that bytes stand for. Only the one canonical form is accepted: what is decoded must
 * encode to the very same bytes.
 * @throws PalisadeError `schema/malformed`
 */
export function decode<T>(schema: Schema<T>, bytes: Uint8Array): T {
  let value: T;
  try {
    value = schema.ssz.deserialize(bytes);
    if (equalBytes(schema.ssz.serialize(value), bytes)) return value;
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : 'undecodable');
  }
  throw malformed('the bytes are a second form of the same value');
}

/** The value of bytes that this program encoded itself: no second encoding is made to compare. */
export function decodeTrusted<T>(schema: Schema<T>, bytes: Uint8Array): T {
  return schema.ssz.deserialize(bytes);
}

function malformed(why: string): PalisadeError {
  return new PalisadeError({
    code: 'schema/malformed',
    message: `These bytes are not a canonical SSZ encoding: ${why.slice(0, 120)}.`,
  });
}
