/** The shadow replica of the embedded engine: the same application over a store in memory. */
import { createApplication, type PalisadeApplication } from '@palisade/chain';
import { type Domain, fromBinaryString, MemoryStore, type Write } from '@palisade/core';
import type { Shadow, StoreChange } from '@palisade/engine';
import { composeModules, jobFileRule } from './compose.ts';

/** A block's changes in the engine's form: store, key within it, value. */
export function toStoreChanges(changes: readonly Write[]): StoreChange[] {
  return changes.map(([key, value]) => {
    const slash = key.indexOf('/');
    return [key.slice(0, slash), fromBinaryString(key.slice(slash + 1)), value] as const;
  });
}

/** An application that also tells the engine what a block changed. */
export function asReplica(application: PalisadeApplication) {
  return new Proxy(application, {
    get(target, property) {
      if (property === 'changes') return async () => toStoreChanges(target.changes());
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function'
        ? (value as (...args: never[]) => unknown).bind(target)
        : value;
    },
  }) as unknown as import('@palisade/engine').Replica;
}

export async function makeShadow(domain: Domain): Promise<Shadow> {
  const application = createApplication({
    modules: composeModules(domain),
    store: new MemoryStore(),
    domain,
    jobFile: jobFileRule,
  });
  return { application: asReplica(application) };
}
