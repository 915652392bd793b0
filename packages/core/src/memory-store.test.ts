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

  it('keeps thousands of keys in order, and a walk whole while its surroundings change', async () => {
    const store = new MemoryStore();
    const name = (i: number) => `k${String(i).padStart(5, '0')}`;
    // 7919 is coprime to 3000: every even number once, in no order.
    for (let i = 0; i < 3000; i++)
      await store.commit([[name(2 * ((i * 7919) % 3000)), Uint8Array.of(1)]]);
    const met: string[] = [];
    for (const [key] of store.range('', '\xff')) {
      met.push(key);
      const at = Number(key.slice(1));
      // Odd ones come all around, many enough to split runs; a few behind the walk go.
      await store.commit([[name(((at * 31) % 6001) | 1), Uint8Array.of(2)]]);
      if (at % 10 === 0) await store.commit([[name(at - 2), undefined]]);
    }
    expect(met).toEqual([...met].sort());
    expect(new Set(met).size).toBe(met.length);
    expect(met.filter((key) => Number(key.slice(1)) % 2 === 0)).toHaveLength(3000);
    const left = [...store.range('', '\xff')].map(([key]) => key);
    expect(left).toEqual([...left].sort());
    for (const key of left) expect(store.get(key)).toBeDefined();
    await store.commit(left.map((key) => [key, undefined]));
    expect([...store.range('', '\xff')]).toEqual([]);
  });

  it('a walk misses nothing when all that lies behind it goes', async () => {
    const store = new MemoryStore();
    const names = Array.from({ length: 2000 }, (_, i) => `k${String(i).padStart(5, '0')}`);
    await store.commit(names.map((key) => [key, new Uint8Array(1)]));
    const met: string[] = [];
    for (const [key] of store.range('', '\xff')) {
      met.push(key);
      await store.commit([[key, undefined]]);
    }
    expect(met).toEqual(names);
  });
});
