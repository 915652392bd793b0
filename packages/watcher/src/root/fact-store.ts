/** Facts on disk, in their order, with how far the root chain was followed. */
import {
  concat,
  exactJson,
  fromUtf8,
  type KeyValueStore,
  PalisadeError,
  toBinaryString,
  toHex,
  u64be,
  utf8,
  type Write,
} from '@palisade/core';
import { type Checkpoint, checkpointSchema, thinned } from '@palisade/rootchain';
import * as z from 'zod';
import { parseFact, type RootFact } from './facts.ts';

const FACT = 'f';
const AFTER_FACTS = 'g';
const CHECKPOINTS = 'c';

const checkpoints = z.array(checkpointSchema);

export class FactStore {
  private readonly store: KeyValueStore;
  private kept: readonly Checkpoint[];

  /** @throws PalisadeError `watcher/store-of-another-version` */
  constructor(store: KeyValueStore) {
    this.store = store;
    const bytes = store.get(CHECKPOINTS);
    this.kept = bytes ? readCheckpoints(bytes) : [];
  }

  /** Where to go on, oldest first. */
  checkpoints(): readonly Checkpoint[] {
    return this.kept;
  }

  /** Facts in their order. */
  *all(): Generator<RootFact> {
    for (const [, bytes] of this.store.range(FACT, AFTER_FACTS)) yield parseFact(fromUtf8(bytes));
  }

  /** Adds facts and a checkpoint, in one step that is durable when it resolves. */
  async add(facts: readonly RootFact[], checkpoint: Checkpoint): Promise<void> {
    const kept = thinned([...this.kept, checkpoint]);
    const writes: Write[] = facts.map((fact) => [keyOf(fact), utf8(exactJson(plain(fact)))]);
    await this.store.commit([...writes, [CHECKPOINTS, encoded(kept)]]);
    this.kept = kept;
  }

  /** Puts facts in the place of those that could not be read before. */
  async replace(facts: readonly RootFact[]): Promise<void> {
    await this.store.commit(facts.map((fact) => [keyOf(fact), utf8(exactJson(plain(fact)))]));
  }

  /** Forgets what came after a checkpoint: the root chain took it back. */
  async rewind({ height }: Checkpoint): Promise<void> {
    const kept = this.kept.filter((checkpoint) => checkpoint.height <= height);
    const after = FACT + toBinaryString(u64be(height + 1n));
    const gone = [...this.store.range(after, AFTER_FACTS)].map(([key]): Write => [key, undefined]);
    await this.store.commit([...gone, [CHECKPOINTS, encoded(kept)]]);
    this.kept = kept;
  }
}

function readCheckpoints(bytes: Uint8Array): readonly Checkpoint[] {
  const read = checkpoints.safeParse(JSON.parse(fromUtf8(bytes)));
  if (read.success) return read.data;
  throw new PalisadeError({
    code: 'watcher/store-of-another-version',
    message: 'What this watcher keeps of the root chain was written by another version.',
    next: 'Move its data folder away, all but keys/: it reads the root chain again. A development network begins anew with: palisade reset',
    cause: read.error,
  });
}

function encoded(kept: readonly Checkpoint[]): Uint8Array {
  return utf8(JSON.stringify(kept, (_, value) => (typeof value === 'bigint' ? `${value}` : value)));
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
