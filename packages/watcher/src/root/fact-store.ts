/** Facts on disk, in their order, with how far the root chain was read. */
import {
  concat,
  exactJson,
  fromUtf8,
  type KeyValueStore,
  readU64be,
  toBinaryString,
  toHex,
  u64be,
  utf8,
  type Write,
} from '@palisade/core';
import { parseFact, type RootFact } from './facts.ts';

/** Everything up to this root-chain block was read; its hash tells a root chain that changed its mind. */
export type Cursor = { readonly height: number; readonly hash: Uint8Array };

const FACT = 'f';
const AFTER_FACTS = 'g';
const CURSOR = 'c';

export class FactStore {
  private readonly store: KeyValueStore;

  constructor(store: KeyValueStore) {
    this.store = store;
  }

  cursor(): Cursor | undefined {
    const bytes = this.store.get(CURSOR);
    return bytes && { height: Number(readU64be(bytes)), hash: bytes.slice(8) };
  }

  /** Facts in their order. */
  *all(): Generator<RootFact> {
    for (const [, bytes] of this.store.range(FACT, AFTER_FACTS)) yield parseFact(fromUtf8(bytes));
  }

  /** Adds facts and moves the cursor, in one step that is durable when it resolves. */
  async add(facts: readonly RootFact[], cursor: Cursor): Promise<void> {
    const writes: Write[] = facts.map((fact) => [keyOf(fact), utf8(exactJson(plain(fact)))]);
    writes.push([CURSOR, concat(u64be(BigInt(cursor.height)), cursor.hash)]);
    await this.store.commit(writes);
  }

  /** Forgets everything: the root chain turned out to be another one. */
  async clear(): Promise<void> {
    const keys = [...this.store.range(FACT, AFTER_FACTS)].map(([key]) => key);
    await this.store.commit([...keys.map((key): Write => [key, undefined]), [CURSOR, undefined]]);
  }
}

function keyOf({ height, index }: RootFact): string {
  return FACT + toBinaryString(concat(u64be(BigInt(height)), u64be(BigInt(index))));
}

/** Bytes as hex, everywhere in a value. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}
