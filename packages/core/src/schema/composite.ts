/** Lists and records of schemas. */
import {
  ContainerType,
  isBasicType,
  ListBasicType,
  ListCompositeType,
  NoneType,
  type Type,
} from '@chainsafe/ssz';
import { concat, utf8 } from '../bytes.ts';
import { keccak256 } from '../crypto/wasm-hashes.ts';
import { PalisadeError } from '../errors.ts';
import { type Infer, invalid, type Json, type JsonSchema, type Schema, schema } from './schema.ts';

/** Bytes of a word of EIP-712. */
const WORD = 32;

/** Up to `max` values in their given order. */
export function list<T>(item: Schema<T>, max: number): Schema<T[]> {
  const inner = item.ssz as never;
  const ssz = isBasicType(inner)
    ? new ListBasicType(inner, max)
    : new ListCompositeType(inner, max);
  return schema({
    ssz: ssz as unknown as Type<T[]>,
    solidity: `${item.solidity}[]`,
    structs: item.structs,
    word: (values) => keccak256(concat(...values.map((value) => item.word(value)))),
    toJson: (values) => values.map((value) => item.toJson(value)),
    fromJson(json, path) {
      if (!Array.isArray(json) || json.length > max)
        throw invalid(path, `a list of at most ${max} entries`, json);
      return json.map((entry, i) => item.fromJson(entry, `${path}[${i}]`));
    },
    jsonSchema: { type: 'array', maxItems: max, items: item.jsonSchema },
  });
}

export type Fields = { readonly [name: string]: Schema<unknown> };
/** Values of a record: one per field. */
export type Values<F> = { -readonly [K in keyof F]: Infer<F[K]> };

export type RecordSchema<T> = Schema<T> & {
  readonly name: string;
  readonly fields: Readonly<Record<string, Schema<unknown>>>;
  /** The definition that wallets hash: `Name(type field,…)` and the structs it needs, sorted. */
  readonly encodeType: string;
};

/** A struct called `name` (EIP-712 wants a name) with fields in their written order. */
export function record<F extends Record<string, Schema<unknown>>>(
  name: string,
  fields: F,
): RecordSchema<Values<F>> {
  type T = Values<F>;
  const members = Object.entries(fields) as [string, Schema<unknown>][];
  const own = `${name}(${members.map(([key, field]) => `${field.solidity} ${key}`).join(',')})`;
  const structs = new Map<string, string>([[name, own]]);
  for (const [, field] of members)
    for (const [inner, definition] of field.structs) structs.set(inner, definition);
  const others = [...structs.keys()].filter((other) => other !== name).sort();
  const encodeType = [own, ...others.map((other) => structs.get(other)!)].join('');
  // The type's hash and a word for each member, laid out to be hashed; no record holds itself.
  const words = new Uint8Array(WORD * (1 + members.length));
  words.set(keccak256(utf8(encodeType)));
  const known = new Set(members.map(([key]) => key));
  const jsonSchema: JsonSchema = {
    type: 'object',
    title: name,
    properties: Object.fromEntries(members.map(([key, field]) => [key, field.jsonSchema])),
    required: [...known],
    additionalProperties: false,
  };
  const base = schema<T>({
    ssz: container(name, members) as Type<T>,
    solidity: name,
    structs,
    word(value) {
      for (const [i, [key, field]] of members.entries())
        words.set(field.word((value as Record<string, unknown>)[key]), WORD * (1 + i));
      return keccak256(words);
    },
    toJson: (value) =>
      Object.fromEntries(
        members.map(([key, field]) => [key, field.toJson((value as Record<string, unknown>)[key])]),
      ) as Json,
    fromJson(json, path) {
      if (typeof json !== 'object' || json === null || Array.isArray(json))
        throw invalid(path, `an object with ${[...known].join(', ')}`, json);
      for (const key of Object.keys(json))
        if (!known.has(key)) throw unknownField(path, key, known);
      return Object.fromEntries(
        members.map(([key, field]) => [
          key,
          field.fromJson(
            (json as Record<string, unknown>)[key],
            path === '' ? key : `${path}.${key}`,
          ),
        ]),
      ) as T;
    },
    jsonSchema,
  });
  return { ...base, name, fields: fields as never, encodeType };
}

/** SSZ knows no empty container; a record without fields (a query without parameters) has no bytes. */
function container(name: string, members: readonly [string, Schema<unknown>][]): unknown {
  if (members.length === 0) return new NoneType();
  const fields = Object.fromEntries(members.map(([key, field]) => [key, field.ssz]));
  return new ContainerType(fields as never, { typeName: name });
}

function unknownField(path: string, key: string, known: ReadonlySet<string>): PalisadeError {
  return new PalisadeError({
    code: 'schema/unknown-field',
    message: `${path === '' ? 'The object' : path} has no field '${key.slice(0, 40)}'; it has ${[...known].join(', ')}.`,
    data: { path, key: key.slice(0, 40) },
  });
}
