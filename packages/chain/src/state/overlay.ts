/**
 * Overlays: state that is written to without touching what is below. A block writes into one over
 * the committed state, each transaction into one over the block's; a refused transaction's is
 * dropped whole.
 */
import type { KeyValueReader, Write } from '@palisade/core';
import { compareKeys, SortedKeys } from './sorted-keys.ts';

/** State that can be read and written. */
export type State = KeyValueReader & {
  /** `undefined` deletes. */
  set(key: string, value: Uint8Array | undefined): void;
};

/**
 * Reads of what lies below that are remembered at most: a full block reads about 5 000 keys, and
 * whoever makes an overlay read more than that only loses the speed.
 */
const MAX_REMEMBERED = 50_000;

export class Overlay implements State {
  readonly base: KeyValueReader;
  private readonly written = new Map<string, Uint8Array | undefined>();
  /**
   * What was read from below, where that is a store: its reads cost much more than a map's, and many
   * commands read the same few records. What is below does not change while an overlay is in use.
   */
  private readonly read: Map<string, Uint8Array | undefined> | undefined;
  /** Made by the first listing: most transactions list nothing. */
  private keys: SortedKeys | undefined;

  constructor(base: KeyValueReader) {
    this.base = base;
    this.read = base instanceof Overlay ? undefined : new Map();
  }

  get(key: string): Uint8Array | undefined {
    const own = this.written.get(key);
    if (own !== undefined || this.written.has(key)) return own;
    return this.below(key);
  }

  private below(key: string): Uint8Array | undefined {
    if (!this.read) return this.base.get(key);
    const known = this.read.get(key);
    if (known !== undefined || this.read.has(key)) return known;
    const value = this.base.get(key);
    if (this.read.size < MAX_REMEMBERED) this.read.set(key, value);
    return value;
  }

  set(key: string, value: Uint8Array | undefined): void {
    if (this.keys && !this.written.has(key)) this.keys.add(key);
    this.written.set(key, value);
  }

  /** What is written while a caller walks along may or may not appear in that walk. */
  *range(from: string, to: string): Generator<readonly [string, Uint8Array]> {
    this.keys ??= new SortedKeys(this.written.keys());
    const own = this.keys.between(from, to);
    let next = 0;
    for (const entry of this.base.range(from, to)) {
      while (next < own.length && own[next]! < entry[0]) yield* this.present(own[next++]!);
      if (next < own.length && own[next] === entry[0]) yield* this.present(own[next++]!);
      else yield entry;
    }
    while (next < own.length) yield* this.present(own[next++]!);
  }

  private *present(key: string): Generator<readonly [string, Uint8Array]> {
    const value = this.written.get(key);
    if (value !== undefined) yield [key, value];
  }

  /** Number of keys written. */
  get size(): number {
    return this.written.size;
  }

  /** Hands every write to what is below. */
  mergeInto(state: State): void {
    for (const [key, value] of this.written) state.set(key, value);
  }

  /** The writes in key order, without those that change nothing. */
  changes(): Write[] {
    const changes: Write[] = [];
    for (const [key, value] of this.written)
      if (!sameBytes(this.below(key), value)) changes.push([key, value]);
    return changes.sort((a, b) => compareKeys(a[0], b[0]));
  }
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
