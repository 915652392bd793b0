/**
 * Collections: typed records under typed keys. Every record begins with a version byte; a reader
 * that meets an older version brings it up through the collection's migrations, and the next write
 * stores the current one.
 */
import {
  decodeTrusted,
  encodeBehind,
  type KeyValueReader,
  PalisadeError,
  type Schema,
} from '@palisade/core';
import { afterPrefix, type KeyPart, keyWriter } from './keys.ts';
import { Cell, type Encoder, Overlay, type State } from './overlay.ts';

type KeyParts<K extends readonly unknown[]> = { readonly [I in keyof K]: KeyPart<K[I]> };
/** The first parts of a key, to list what begins with them. */
type Prefix<T extends readonly unknown[]> = T extends readonly [...infer Head, unknown]
  ? T | Prefix<Head>
  : T;

/** From an older version's bytes (without the version byte) to the current value. */
export type Migrations<V> = ReadonlyMap<number, (old: Uint8Array) => V>;

export type Collection<K extends readonly unknown[], V> = {
  readonly store: string;
  readonly name: string;
  get(state: KeyValueReader, ...key: K): V | undefined;
  /** As `get`, for records that must be there. @throws PalisadeError `chain/missing-record`: a bug. */
  need(state: KeyValueReader, ...key: K): V;
  has(state: KeyValueReader, ...key: K): boolean;
  set(state: State, key: K, value: V): void;
  delete(state: State, ...key: K): void;
  /** Records whose key begins with the given parts, in key order. */
  list(state: KeyValueReader, ...prefix: Prefix<K>): Generator<readonly [key: K, value: V]>;
  /** As `list`, from the record behind `after` on: the next page. `after` need not exist. */
  listAfter(
    state: KeyValueReader,
    after: K,
    ...prefix: Prefix<K>
  ): Generator<readonly [key: K, value: V]>;
  /** The flat key of a record, for proofs. */
  keyOf(...key: K): string;
};

export function collection<K extends readonly [] | readonly unknown[], V>(spec: {
  readonly store: string;
  readonly name: string;
  readonly key: KeyParts<K>;
  readonly value: Schema<V>;
  readonly version?: number;
  readonly migrations?: Migrations<V>;
}): Collection<K, V> {
  const head = `${spec.store}/${spec.name}/`;
  const version = spec.version ?? 1;
  const versionByte = Uint8Array.of(version);
  const parts = spec.key as unknown as readonly KeyPart<unknown>[];

  const keyOf = keyWriter(head, parts);
  const [first] = parts;
  const parseKey = (text: string): readonly unknown[] => {
    // Most keys have one part: a walk over thousands makes one list each, and nothing else.
    if (first && parts.length === 1) return [first.read(text, head.length, text.length)];
    let offset = head.length;
    return parts.map((part) => {
      const end = part.width === 0 ? text.length : offset + part.width;
      const value = part.read(text, offset, end);
      offset = end;
      return value;
    });
  };
  const parse = (bytes: Uint8Array): V => {
    if (bytes[0] === version) return decodeTrusted(spec.value, bytes, 1);
    const migrate = spec.migrations?.get(bytes[0]!);
    if (migrate) return migrate(bytes.subarray(1));
    throw new PalisadeError({
      code: 'chain/unknown-record-version',
      message: `A record of ${head} has version ${bytes[0]}; this program knows ${version} and what migrates to it.`,
      next: 'Run the release that wrote this data, or a newer one.',
    });
  };
  const parseShared = (bytes: Uint8Array): V => shared(parse(bytes));
  const encoder: Encoder = {
    encode: (value: V) => encodeBehind(versionByte, spec.value, value),
  };
  const get = (state: KeyValueReader, ...key: K): V | undefined => {
    if (state instanceof Overlay) return state.cell(keyOf(...key)).valueFor(encoder, parseShared);
    const bytes = state.get(keyOf(...key));
    return bytes === undefined ? undefined : parse(bytes);
  };
  function* entries(state: KeyValueReader, from: string, to: string): Generator<readonly [K, V]> {
    for (const [key, bytes] of state.range(from, to))
      yield [parseKey(key) as unknown as K, parse(bytes)];
  }
  return {
    store: spec.store,
    name: spec.name,
    get,
    need(state, ...key) {
      const value = get(state, ...key);
      if (value !== undefined) return value;
      throw new PalisadeError({
        code: 'chain/missing-record',
        message: `A record of ${head} that must exist does not.`,
      });
    },
    has: (state, ...key) => state.get(keyOf(...key)) !== undefined,
    set(state, key, value) {
      if (state instanceof Overlay)
        state.setCell(keyOf(...key), Cell.ofValue(shared(value), encoder));
      else state.set(keyOf(...key), encoder.encode(value as never));
    },
    delete: (state, ...key) => state.set(keyOf(...key), undefined),
    list(state, ...prefix) {
      const from = keyOf(...prefix);
      return entries(state, from, afterPrefix(from));
    },
    listAfter: (state, after, ...prefix) =>
      entries(state, `${keyOf(...after)}\0`, afterPrefix(keyOf(...prefix))),
    keyOf,
  };
}

/** A value that many readers get is frozen, so that none can change it for the others. */
function shared<V>(value: V): V {
  // Typed arrays cannot be frozen; nobody writes into one that it was given.
  return typeof value === 'object' && !(value instanceof Uint8Array) ? Object.freeze(value) : value;
}
