/** Who is found for a job, against asking everybody. */
import { misfitOf } from '@palisade/market';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ReadyIndex } from './ready-index.ts';

const RUNS = Number(process.env.PALISADE_RUNS ?? 300);
const MIB = 2n ** 20n;

const small = fc.bigInt({ min: 1n, max: 8n });
const sizes = small.map((units) => units * MIB - 1n);
const utility = fc.constantFrom(1, 2, 3);
const sessions = fc.integer({ min: 1, max: 4 });
const filter = fc.record({
  utility,
  price: small,
  maxSize: sizes,
  maxSessions: sessions,
  freeBytes: sizes,
});
const job = fc.record({
  utility,
  size: sizes,
  sessions,
  maxRate: fc.bigInt({ min: 1n, max: 64n }),
});

it('[P2V-2] tells the very partners that a job fits, however many come and go, the cheapest first', () => {
  const changes = fc.array(fc.record({ filter, stays: fc.boolean() }), { maxLength: 40 });
  fc.assert(
    fc.property(changes, job, (partners, wanted) => {
      const index = new ReadyIndex<{ readonly value: (typeof partners)[number]['filter'] }>();
      const all = partners.map((one) => ({ value: one.filter, stays: one.stays }));
      for (const one of all) index.add(one);
      for (const one of all) if (!one.stays) index.remove(one);
      const found = index.fitting(wanted);
      const expected = all.filter(({ stays, value }) => stays && !misfitOf(wanted, value));
      expect(new Set(found)).toEqual(new Set(expected));
      expect(found).toHaveLength(expected.length);
      const prices = found.map(({ value }) => value.price);
      expect(prices).toEqual([...prices].sort((a, b) => Number(a - b)));
    }),
    { numRuns: RUNS },
  );
});
