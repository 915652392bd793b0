/** A record as a write of its own, for what is committed beside a block's changes. */
import type { Write } from '@palisade/core';
import type { Collection } from './collection.ts';

export function writeOf<K extends readonly unknown[], V>(
  collection: Collection<K, V>,
  key: K,
  value: V,
): Write {
  const written: Write[] = [];
  const set = (at: string, bytes: Uint8Array | undefined) => written.push([at, bytes]);
  collection.set({ get: () => undefined, range: () => [], set }, key, value);
  return written[0]!;
}
