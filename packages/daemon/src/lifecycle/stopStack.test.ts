import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStopStack } from './stopStack.ts';

describe('closing', () => {
  it('runs in reverse order, one at a time, and goes on after a failure', async () => {
    const plans = fc.array(fc.record({ slow: fc.boolean(), fails: fc.boolean() }), {
      maxLength: 12,
    });
    const property = fc.asyncProperty(plans, async (parts) => {
      const stack = createStopStack();
      const log: string[] = [];
      parts.forEach(({ slow, fails }, i) => {
        stack.push(`${i}`, async () => {
          log.push(`begin ${i}`);
          if (slow) await new Promise(setImmediate);
          log.push(`end ${i}`);
          if (fails) throw new Error(`${i}`);
        });
      });
      const { open, failed } = await stack.stopAll(5000);
      const reversed = parts.map((_, i) => i).reverse();
      expect(log).toEqual(reversed.flatMap((i) => [`begin ${i}`, `end ${i}`]));
      expect(open).toEqual([]);
      expect(failed.map(({ name }) => Number(name))).toEqual(
        reversed.filter((i) => parts[i]!.fails),
      );
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('ends at the deadline and names what is open: what hangs, and what lies below it', async () => {
    const stack = createStopStack();
    const closed: string[] = [];
    stack.push('store', () => void closed.push('store'));
    stack.push('peers', () => new Promise(() => {}));
    stack.push('api', () => void closed.push('api'));
    expect(await stack.stopAll(20)).toEqual({ open: ['peers', 'store'], failed: [] });
    expect(closed).toEqual(['api']);
  });

  it('closes at once what was opened while closing', async () => {
    const stack = createStopStack();
    const closed: string[] = [];
    stack.push('a', () => void closed.push('a'));
    stack.push('b', () => {
      closed.push('b');
      stack.push('c', () => void closed.push('c'));
    });
    expect(await stack.stopAll(1000)).toEqual({ open: [], failed: [] });
    expect(closed).toEqual(['b', 'c', 'a']);
  });
});
