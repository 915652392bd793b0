import { describe, expect, it } from 'vitest';
import { Gate } from './gate.ts';

describe('the gate', () => {
  it('lets a few through at a time, in order, and goes on after a failure', async () => {
    const gate = new Gate(2);
    let inside = 0;
    let most = 0;
    const order: number[] = [];
    const pass = (number: number) =>
      gate.through(async () => {
        most = Math.max(most, ++inside);
        order.push(number);
        await new Promise((resolve) => setTimeout(resolve, 2));
        inside--;
        if (number === 1) throw new Error('one fails');
        return number;
      });
    const results = await Promise.allSettled([0, 1, 2, 3, 4].map(pass));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect(most).toBe(2);
  });
});
