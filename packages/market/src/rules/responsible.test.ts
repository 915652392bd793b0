import { createHash } from 'node:crypto';
import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { RESPONSIBLE, responsibleFor } from './responsible.ts';

const key = (fill: number) => new Uint8Array(32).fill(fill);
const validators = (count: number) => Array.from({ length: count }, (_, i) => key(16 + i));

/** Made with node:crypto from the formula in spec/pool.md; keys are 32 times the named byte. */
const VECTORS = [
  { partner: 1, session: 0n, validators: 4, found: [16, 17] },
  { partner: 1, session: 1n, validators: 4, found: [17, 16] },
  { partner: 2, session: 0n, validators: 4, found: [17, 16] },
  { partner: 9, session: 4294967296n, validators: 10, found: [17, 23] },
  { partner: 9, session: 4294967297n, validators: 10, found: [21, 16] },
  { partner: 3, session: 5n, validators: 1, found: [16] },
] as const;

describe('responsible validators', () => {
  it('[P2V-2] are two by rendezvous hashing, as the vectors say, in whatever order they are listed', () => {
    for (const { partner, session, validators: count, found } of VECTORS) {
      const wanted = found.map((fill) => toHex(key(fill)));
      const listed = validators(count);
      expect(responsibleFor(key(partner), session, listed).map(toHex)).toEqual(wanted);
      expect(responsibleFor(key(partner), session, listed.reverse()).map(toHex)).toEqual(wanted);
    }
    expect(responsibleFor(key(1), 1n, [])).toEqual([]);
  });

  it('[P2V-2] changes only for partners of a validator that leaves', () => {
    const all = validators(10);
    const gone = toHex(all[3]!);
    for (let i = 0; i < 100; i++) {
      const partner = new Uint8Array(createHash('sha256').update(`partner ${i}`).digest());
      const before = responsibleFor(partner, 7n, all).map(toHex);
      const after = responsibleFor(partner, 7n, all.toSpliced(3, 1)).map(toHex);
      expect(after.filter((one) => before.includes(one))).toEqual(
        before.filter((one) => one !== gone),
      );
    }
  });

  it('[P2V-2] shares partners out evenly, and anew in each session', () => {
    const all = validators(10);
    const held = new Map<string, number>();
    let moved = 0;
    const PARTNERS = 1000;
    for (let i = 0; i < PARTNERS; i++) {
      const partner = new Uint8Array(createHash('sha256').update(`partner ${i}`).digest());
      const chosen = responsibleFor(partner, 7n, all).map(toHex);
      for (const one of chosen) held.set(one, (held.get(one) ?? 0) + 1);
      if (chosen.join() !== responsibleFor(partner, 8n, all).map(toHex).join()) moved++;
    }
    // 200 each are expected, with a deviation of 13: these bounds are five of them away.
    for (const count of held.values()) {
      expect(count).toBeGreaterThan((PARTNERS * RESPONSIBLE) / 10 - 65);
      expect(count).toBeLessThan((PARTNERS * RESPONSIBLE) / 10 + 65);
    }
    expect(moved).toBeGreaterThan(900);
  });
});
