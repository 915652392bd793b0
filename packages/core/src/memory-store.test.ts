import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from './memory-store.ts';

const key = fc.constantFrom('', 'a', 'a\0', 'b', 'ba', 'c', 'd', '\xff');
const value = fc.option(fc.uint8Array({ maxLength: 2 }), { nil: undefined });
const step = fc.record({ writes: fc.array(fc.tuple(key, value)), from: key, to: key });

describe('the store in memory', () => {
  it('lists what a plain map holds, in key order, whatever came and went', async () => {
    const story = fc.asyncProperty(fc.array(step), async (steps) => {
      const store = new MemoryStore();
      const model = new Map<string, Uint8Array>();
      for (const { writes, from, to } of steps) {
        await store.commit(writes);
        for (const [at, bytes] of writes)
          if (bytes === undefined) model.delete(at);
          else model.set(at, bytes);
        const inOrder = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
        expect([...store.range(from, to)]).toEqual(inOrder.filter(([at]) => at >= from && at < to));
        for (const [at] of writes) expect(store.get(at)).toEqual(model.get(at));
      }
    });
    await fc.assert(story, { numRuns: 500 });
  });

  it('goes on listing what a walk began with while keys are removed under it', async () => {
    const store = new MemoryStore();
    await store.commit(['a', 'b', 'c', 'd'].map((name) => [name, new Uint8Array(1)]));
    const met: string[] = [];
    for (const [name] of store.range('a', 'z')) {
      met.push(name);
      if (name === 'b')
        await store.commit([
          ['c', undefined],
          ['a', undefined],
        ]);
    }
    expect(met).toEqual(['a', 'b', 'd']);
  });
});
