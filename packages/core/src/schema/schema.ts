/**
 * The declaration language. A schema is written once and yields everything that the world needs of
 * a value: its TypeScript type, its canonical bytes (SSZ), its EIP-712 hash, its JSON form with
 * validation, and its JSON Schema for OpenAPI and CLI help.
 *
 * JSON: integers up to 32 bits are numbers, wider ones decimal strings, bytes are 0x-hex.
 */
import {
  BooleanType,
  ByteListType,
  ByteVectorType,
  type Type,
  UintBigintType,
  UintNumberType,
} from '@chainsafe/ssz';
import { fromHex, toHex, utf8 } from '../bytes.ts';
import { keccak256 } from '../crypto/wasm-hashes.ts';
import { PalisadeError } from '../errors.ts';
import { type Form, FormType } from './form-type.ts';
import { textFits, textForm } from './text-form.ts';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };
export type JsonSchema = { readonly [key: string]: Json };

export type Schema<T> = {
  /** One line for people, shown in CLI help and OpenAPI. */
  readonly doc: string;
  readonly ssz: Type<T>;
  /** Type expression of EIP-712, as in `uint64` or `Endpoint[]`. */
  readonly solidity: string;
  /** Struct definitions that the type expression needs: name to `Name(type field,…)`. */
  readonly structs: ReadonlyMap<string, string>;
  /** The 32 bytes that stand for a value in its parent's hash (EIP-712, encodeData). */
  word(value: T): Uint8Array;
  toJson(value: T): Json;
  /** @throws PalisadeError `schema/invalid` naming the path, what was found and what is wanted. */
  fromJson(json: unknown, path: string): T;
  readonly jsonSchema: JsonSchema;
  /** The same schema with a line for people. */
  is(doc: string): Schema<T>;
};

export type Infer<S> = S extends Schema<infer T> ? T : never;

/** No struct definitions are needed. */
export const NO_STRUCTS: ReadonlyMap<string, string> = new Map();

export function schema<T>(parts: Omit<Schema<T>, 'is' | 'doc'>, doc = ''): Schema<T> {
  const { jsonSchema } = parts;
  return {
    ...parts,
    doc,
    jsonSchema: doc === '' ? jsonSchema : { ...jsonSchema, description: doc },
    is: (text) => schema(parts, text),
  };
}

export function invalid(path: string, wanted: string, found: unknown): PalisadeError {
  const shown = typeof found === 'bigint' ? `${found}` : (JSON.stringify(found) ?? `${found}`);
  return new PalisadeError({
    code: 'schema/invalid',
    message: `${path} must be ${wanted}, but it is ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}.`,
    data: { path },
  });
}

/** Where numbers are laid out: a view of each new word would cost more than the word. */
const number = new Uint8Array(16);
const numberView = new DataView(number.buffer);

function bigintWord(value: bigint): Uint8Array {
  const word = new Uint8Array(32);
  numberView.setBigUint64(8, value & 0xffffffffffffffffn);
  numberView.setBigUint64(0, value >> 64n);
  word.set(number, 16);
  return word;
}

function smallUint(bits: 8 | 16 | 32): Schema<number> {
  const max = 2 ** bits - 1;
  return schema({
    ssz: new UintNumberType((bits / 8) as 1 | 2 | 4),
    solidity: `uint${bits}`,
    structs: NO_STRUCTS,
    word: (value) => bigintWord(BigInt(value)),
    toJson: (value) => value,
    fromJson(json, path) {
      if (typeof json === 'number' && Number.isInteger(json) && json >= 0 && json <= max)
        return json;
      throw invalid(path, `a whole number from 0 to ${max}`, json);
    },
    jsonSchema: { type: 'integer', minimum: 0, maximum: max },
  });
}

function bigUint(bits: 64 | 128): Schema<bigint> {
  const digits = bits === 64 ? 20 : 39;
  const limit = 1n << BigInt(bits);
  const pattern = new RegExp(`^(0|[1-9][0-9]{0,${digits - 1}})$`);
  return schema({
    ssz: new UintBigintType((bits / 8) as 8 | 16),
    solidity: `uint${bits}`,
    structs: NO_STRUCTS,
    word: bigintWord,
    toJson: (value) => value.toString(),
    fromJson(json, path) {
      if (typeof json === 'string' && pattern.test(json)) {
        const value = BigInt(json);
        if (value < limit) return value;
      }
      throw invalid(path, `a decimal number below 2^${bits}, written as a string`, json);
    },
    jsonSchema: { type: 'string', pattern: pattern.source },
  });
}

export const u8 = smallUint(8);
export const u16 = smallUint(16);
export const u32 = smallUint(32);
export const u64 = bigUint(64);
export const u128 = bigUint(128);

export const bool: Schema<boolean> = schema({
  ssz: new BooleanType(),
  solidity: 'bool',
  structs: NO_STRUCTS,
  word: (value) => bigintWord(value ? 1n : 0n),
  toJson: (value) => value,
  fromJson(json, path) {
    if (typeof json === 'boolean') return json;
    throw invalid(path, 'true or false', json);
  },
  jsonSchema: { type: 'boolean' },
});

function bytesFromJson(json: unknown, path: string, wanted: string): Uint8Array {
  if (typeof json !== 'string' || !/^0x([0-9a-fA-F]{2})*$/.test(json))
    throw invalid(path, wanted, json);
  return fromHex(json);
}

function fixedBytes(length: number, solidity: string, pad: 'left' | 'right'): Schema<Uint8Array> {
  const wanted = `${length} bytes of 0x-hex`;
  return schema({
    ssz: new ByteVectorType(length),
    solidity,
    structs: NO_STRUCTS,
    word(value) {
      if (length === 32 && value.length === 32) return value;
      const word = new Uint8Array(32);
      word.set(value, pad === 'left' ? 32 - length : 0);
      return word;
    },
    toJson: toHex,
    fromJson(json, path) {
      const bytes = bytesFromJson(json, path, wanted);
      if (bytes.length !== length) throw invalid(path, wanted, json);
      return bytes;
    },
    jsonSchema: { type: 'string', pattern: `^0x[0-9a-fA-F]{${2 * length}}$` },
  });
}

/** A fixed number of bytes, 1 to 32: ids, hashes, keys. */
export function bytes(length: number): Schema<Uint8Array> {
  return fixedBytes(length, `bytes${length}`, 'right');
}

export const bytes32 = bytes(32);
/** An Ethereum address: 20 bytes. */
export const address = fixedBytes(20, 'address', 'left');

/** 64 bytes: an ed25519 signature inside another message. EIP-712 knows it as `bytes`. */
export const signature64: Schema<Uint8Array> = schema({
  ...fixedBytes(64, 'bytes', 'right'),
  word: keccak256,
});
/** 65 bytes: an account's signature r || s || v inside another message. */
export const signature65: Schema<Uint8Array> = schema({
  ...fixedBytes(65, 'bytes', 'right'),
  word: keccak256,
});

/** Up to `max` bytes of any content. */
export function byteList(max: number): Schema<Uint8Array> {
  const wanted = `at most ${max} bytes of 0x-hex`;
  return schema({
    ssz: new ByteListType(max),
    solidity: 'bytes',
    structs: NO_STRUCTS,
    word: keccak256,
    toJson: toHex,
    fromJson(json, path) {
      const value = bytesFromJson(json, path, wanted);
      if (value.length > max) throw invalid(path, wanted, json);
      return value;
    },
    jsonSchema: { type: 'string', pattern: '^0x([0-9a-fA-F]{2})*$', maxLength: 2 + 2 * max },
  });
}

/** Up to `max` bytes whose value has a form of its own: for records that are stored, never shown. */
export function formed<T>(max: number, form: Form<T>): Schema<T> {
  const { word, toJson, fromJson, ...rest } = byteList(max);
  const ssz = new FormType(max, form) as unknown as Type<T>;
  return schema({
    ...rest,
    ssz,
    word: (value) => word(ssz.serialize(value)),
    toJson: (value) => toJson(ssz.serialize(value)),
    fromJson: (json, path) => form.read(fromJson(json, path)),
  });
}

/** Up to `max` bytes of printable UTF-8: control characters are refused, so it is safe to print. */
export function text(max: number): Schema<string> {
  return schema({
    ssz: new FormType(max, textForm(max)) as unknown as Type<string>,
    solidity: 'string',
    structs: NO_STRUCTS,
    word: (value) => keccak256(utf8(value)),
    toJson: (value) => value,
    fromJson(json, path) {
      if (typeof json === 'string' && textFits(json, max)) return json;
      throw invalid(path, `text of at most ${max} bytes without control characters`, json);
    },
    jsonSchema: { type: 'string', maxLength: max },
  });
}
