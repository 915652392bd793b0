/** The application as the engine compares it: with what a block changed, and what it holds. */
import { createApplication, type PalisadeApplication } from '@palisade/chain';
import {
  type Domain,
  fromBinaryString,
  type KeyValueReader,
  MemoryStore,
  toBinaryString,
  type Write,
} from '@palisade/core';
import type { Replica, StoreChange } from '@palisade/engine';
import { composeModules, jobFileRule } from '../compose.ts';

/** A replica's own notes are no part of what replicas must agree on. */
const OWN_NOTES = 'meta/';
const AFTER_OWN_NOTES = 'meta0';
/** Store names are ASCII, so that every key lies below. */
const BEYOND_KEYS = '\xff';

/** A block's changes in the engine's form: store, key within it, value. */
function toStoreChanges(changes: readonly Write[]): StoreChange[] {
  return changes.map(([key, value]) => {
    const slash = key.indexOf('/');
    return [key.slice(0, slash), fromBinaryString(key.slice(slash + 1)), value] as const;
  });
}

/** The next records of the state behind one, in key order. */
function recordsAfter(state: KeyValueReader, after: string, limit: number): Write[] {
  const found: Write[] = [];
  let from = `${after}\0`;
  for (const to of [OWN_NOTES, BEYOND_KEYS]) {
    if (from >= to) continue;
    for (const entry of state.range(from, to)) {
      if (found.length === limit) return found;
      found.push(entry);
    }
    if (from < AFTER_OWN_NOTES) from = AFTER_OWN_NOTES;
  }
  return found;
}

/** An application that also tells the engine what a block changed, and what it holds. */
export function asReplica(application: PalisadeApplication): Replica {
  const more: Pick<Replica, 'changes' | 'records'> = {
    changes: async () => toStoreChanges(application.changes()),
    async records(after, limit) {
      const key = after ? `${after[0]}/${toBinaryString(after[1])}` : '';
      return toStoreChanges(recordsAfter(application.committed, key, limit));
    },
  };
  return new Proxy(application, {
    get(target, property) {
      if (property === 'changes' || property === 'records') return more[property];
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function'
        ? (value as (...args: never[]) => unknown).bind(target)
        : value;
    },
  }) as unknown as Replica;
}

/** The same application over a store in memory. */
export function memoryReplica(domain: Domain): Replica {
  return asReplica(
    createApplication({
      modules: composeModules(domain),
      store: new MemoryStore(),
      domain,
      jobFile: jobFileRule,
    }),
  );
}
