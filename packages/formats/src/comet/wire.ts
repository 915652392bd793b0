/**
 * A small language for protobuf messages: one table of fields gives the encoder, the decoder and the
 * TypeScript type. It covers what CometBFT v0.38 and our interchain formats use, no more.
 *
 * Encoding follows proto3 as gogoproto writes it: fields in the order of their numbers, a scalar that
 * is zero left out, an `embedded` message always written (gogoproto calls it non-nullable; an empty
 * one is two bytes), a `maybe` message only when there is one.
 *
 * Decoding is strict, because what is decoded is hashed and signed again: numbers must not go down,
 * each field comes once unless it repeats, unknown fields and other wire types are refused, a varint
 * is as short as it can be and fits its type, a written zero is refused, and nothing may follow. Only
 * leaving out an embedded message is forgiven, since other writers do that. Every length and count
 * has a bound, given with the field.
 *
 * Use: `const part = message('Part', { index: uint32(1), bytes: bytes(2, 65_536) })`, then
 * `type Part = TypeOf<typeof part>`, `part.encode(value)`, `part.decode(bytes)`.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Cursor } from './cursor.ts';
import {
  copyBytes,
  malformed,
  readBytes,
  readFixed64,
  readString,
  readUint32,
  readVarint,
  toInt32,
} from './cursor.ts';

export type { Cursor } from './cursor.ts';
export { malformed } from './cursor.ts';

/** One field of a message: how its value is written and read back. */
export type Field<T> = {
  readonly number: number;
  readonly wireType: WireType;
  readonly repeats: boolean;
  /** The value that an absent field has. */
  zero(): T;
  write(writer: BinaryWriter, value: T): void;
  /** `before` is what the field held so far; only a repeated one uses it. */
  read(cursor: Cursor, before: T): T;
};

/** A message: its name for error messages, and its two directions. */
export type Message<T> = {
  readonly name: string;
  encode(value: T): Uint8Array;
  /** @throws PalisadeError `formats/malformed` for anything but one well-formed message. */
  decode(bytes: Uint8Array): T;
  /** The message behind its length as a varint. */
  encodeDelimited(value: T): Uint8Array;
};

/** The TypeScript type that a message declares. */
export type TypeOf<M> = M extends Message<infer T> ? T : never;

type Fields = Readonly<Record<string, Field<unknown>>>;
type ValueOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

/** Hashes, keys, signatures and short names: longer values name their own bound. */
const DEFAULT_MAX_BYTES = 256;

/** Declares a message; fields are written in the order of their numbers. */
export function message<F extends Fields>(name: string, fields: F): Message<ValueOf<F>> {
  const entries = Object.entries(fields).sort(([, a], [, b]) => a.number - b.number);
  const byNumber = new Map(entries.map(([key, field]) => [field.number, { key, field }]));
  const write = (writer: BinaryWriter, value: ValueOf<F>) => {
    for (const [key, field] of entries) field.write(writer, value[key]);
  };
  const decode = (bytes: Uint8Array): ValueOf<F> => {
    const cursor: Cursor = { bytes, at: 0 };
    const value: Record<string, unknown> = {};
    for (const [key, field] of entries) value[key] = field.zero();
    let last = 0;
    while (cursor.at < bytes.length) {
      const tag = readUint32(cursor);
      const found = byNumber.get(tag >>> 3);
      if (!found) throw malformed(`${name} has no field ${tag >>> 3}`);
      const { key, field } = found;
      if ((tag & 7) !== field.wireType) throw malformed(`${name}.${key} has wire type ${tag & 7}`);
      if (field.number < last || (field.number === last && !field.repeats)) {
        throw malformed(`${name}.${key} comes twice or out of order`);
      }
      last = field.number;
      value[key] = field.read(cursor, value[key]);
    }
    return value as ValueOf<F>;
  };
  return {
    name,
    encode(value) {
      const writer = new BinaryWriter();
      write(writer, value);
      return writer.finish();
    },
    decode,
    encodeDelimited(value) {
      const writer = new BinaryWriter().fork();
      write(writer, value);
      return writer.join().finish();
    },
  };
}

/** Unsigned 32-bit varint as a number. */
export const uint32 = (number: number) =>
  varint(number, 32, Number, (writer, value: number) => writer.uint32(value), 0);

/** Signed 32-bit varint as a number; negative ones take ten bytes, as protobuf has it. */
export const int32 = (number: number) =>
  varint(number, 64, toInt32, (writer, value: number) => writer.int32(value), 0);

/** Unsigned 64-bit varint. */
export const uint64 = (number: number) =>
  varint(
    number,
    64,
    (raw) => raw,
    (writer, value: bigint) => writer.uint64(value),
    0n,
  );

/** Signed 64-bit varint. */
export const int64 = (number: number) =>
  varint(
    number,
    64,
    (raw) => BigInt.asIntN(64, raw),
    (writer, value: bigint) => writer.int64(value),
    0n,
  );

/** Boolean varint. */
export const bool = (number: number) =>
  varint(
    number,
    1,
    (raw) => raw === 1n,
    (writer, value: boolean) => writer.bool(value),
    false,
  );

/** An enumeration as string literals; `names` maps each to its protobuf number, one of them 0. */
export function enumeration<const N extends Readonly<Record<string, number>>>(
  number: number,
  names: N,
): Field<keyof N & string> {
  const byNumber = new Map(Object.entries(names).map(([name, value]) => [value, name]));
  const zero = byNumber.get(0)!;
  const decode = (raw: bigint) => {
    const name = byNumber.get(Number(raw));
    if (name === undefined) throw malformed(`field ${number} has no value ${raw}`);
    return name;
  };
  return varint(number, 32, decode, (writer, value: string) => writer.int32(names[value]!), zero);
}

/** Signed 64-bit fixed width, little-endian. */
export function sfixed64(number: number): Field<bigint> {
  return scalar(number, WireType.Bit64, 0n, (value) => value === 0n, {
    write: (writer, value) => writer.sfixed64(value),
    read: (cursor) => readFixed64(cursor),
  });
}

/** Byte string of at most `maxBytes`. */
export function bytes(number: number, maxBytes = DEFAULT_MAX_BYTES): Field<Uint8Array> {
  return scalar<Uint8Array>(
    number,
    WireType.LengthDelimited,
    NO_BYTES,
    (value) => value.length === 0,
    {
      write: (writer, value) => writer.bytes(value),
      read: (cursor) => copyBytes(cursor, maxBytes),
    },
  );
}

/** Valid UTF-8 of at most `maxBytes`. */
export function string(number: number, maxBytes = DEFAULT_MAX_BYTES): Field<string> {
  return scalar(number, WireType.LengthDelimited, '', (value) => value === '', {
    write: (writer, value) => writer.string(value),
    read: (cursor) => readString(cursor, maxBytes),
  });
}

/** A message inside a message, always written, even when empty (gogoproto: nullable = false). */
export function embedded<T>(number: number, inner: Message<T>, maxBytes: number): Field<T> {
  return {
    number,
    wireType: WireType.LengthDelimited,
    repeats: false,
    zero: () => inner.decode(NO_BYTES),
    write: (writer, value) => void writeMessage(writer, number, inner, value),
    read: (cursor) => inner.decode(readBytes(cursor, maxBytes)),
  };
}

/** A message that may be absent. */
export function maybe<T>(
  number: number,
  inner: Message<T>,
  maxBytes: number,
): Field<T | undefined> {
  return {
    ...(embedded(number, inner, maxBytes) as Field<T | undefined>),
    zero: () => undefined,
    write(writer, value) {
      if (value !== undefined) writeMessage(writer, number, inner, value);
    },
  };
}

/** A list of messages, each at most `maxBytes`, at most `maxItems` of them. */
export function list<T>(
  number: number,
  inner: Message<T>,
  bound: { readonly maxItems: number; readonly maxBytes: number },
): Field<readonly T[]> {
  return repeated(number, bound.maxItems, {
    write: (writer, item) => writeMessage(writer, number, inner, item),
    read: (cursor) => inner.decode(readBytes(cursor, bound.maxBytes)),
  });
}

/** A list of byte strings; an empty one is written as such. */
export function bytesList(
  number: number,
  bound: { readonly maxItems: number; readonly maxBytes: number },
): Field<readonly Uint8Array[]> {
  return repeated(number, bound.maxItems, {
    write: (writer, item) => writer.tag(number, WireType.LengthDelimited).bytes(item),
    read: (cursor) => copyBytes(cursor, bound.maxBytes),
  });
}

/** A list of strings. */
export function stringList(
  number: number,
  bound: { readonly maxItems: number; readonly maxBytes: number },
): Field<readonly string[]> {
  return repeated(number, bound.maxItems, {
    write: (writer, item) => writer.tag(number, WireType.LengthDelimited).string(item),
    read: (cursor) => readString(cursor, bound.maxBytes),
  });
}

/** The same field with another TypeScript face; `zero` where an absent field means something else. */
export function mapped<A, B>(
  field: Field<A>,
  face: { from(value: A): B; to(value: B): A; zero?: B },
): Field<B> {
  const { number, wireType, repeats } = field;
  return {
    number,
    wireType,
    repeats,
    zero: () => face.zero ?? face.from(field.zero()),
    write: (writer, value) => field.write(writer, face.to(value)),
    read: (cursor) => face.from(field.read(cursor, field.zero())),
  };
}

const NO_BYTES = new Uint8Array(0);

type Direction<T> = {
  write(writer: BinaryWriter, value: T): unknown;
  read(cursor: Cursor): T;
};

function scalar<T>(
  number: number,
  wireType: WireType,
  zero: T,
  isZero: (value: T) => boolean,
  direction: Direction<T>,
): Field<T> {
  return {
    number,
    wireType,
    repeats: false,
    zero: () => zero,
    write(writer, value) {
      if (!isZero(value)) direction.write(writer.tag(number, wireType), value);
    },
    read(cursor) {
      const value = direction.read(cursor);
      if (isZero(value)) throw malformed(`field ${number} is written although it is zero`);
      return value;
    },
  };
}

function varint<T>(
  number: number,
  bits: number,
  decode: (raw: bigint) => T,
  write: (writer: BinaryWriter, value: T) => unknown,
  zero: T,
): Field<T> {
  return scalar(number, WireType.Varint, zero, (value) => value === zero, {
    write,
    read: (cursor) => decode(readVarint(cursor, bits)),
  });
}

function repeated<T>(number: number, maxItems: number, item: Direction<T>): Field<readonly T[]> {
  return {
    number,
    wireType: WireType.LengthDelimited,
    repeats: true,
    zero: () => [],
    write(writer, value) {
      for (const entry of value) item.write(writer, entry);
    },
    read(cursor, before) {
      if (before.length >= maxItems) throw malformed(`field ${number} has over ${maxItems} items`);
      // The list is ours alone while decoding, and growing it in place keeps long lists linear.
      (before as T[]).push(item.read(cursor));
      return before;
    },
  };
}

function writeMessage<T>(writer: BinaryWriter, number: number, inner: Message<T>, value: T): void {
  writer.tag(number, WireType.LengthDelimited).bytes(inner.encode(value));
}
