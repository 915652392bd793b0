import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { Dice } from '../../test/dice.ts';
import { hostileCase, type Tally, tryCase } from '../../test/fuzz-transactions.ts';

/** `npm run test:rlp` asks for a million. */
const CASES = Number(process.env.PALISADE_RLP_CASES ?? 20_000);
const SEED = Number(process.env.PALISADE_SEED ?? 20_260_101);

describe('transactions from hostile hands', () => {
  it('[X16] are read exactly when they are well formed, and have one encoding', () => {
    const dice = new Dice(SEED);
    const tally: Tally = { past: 0, accepted: 0 };
    for (let i = 0; i < CASES; i++) {
      const hostile = hostileCase(dice);
      try {
        tryCase(hostile, tally);
      } catch (cause) {
        throw new Error(`seed ${SEED}, case ${i}: ${toHex(hostile.bytes)}`, { cause });
      }
    }
    // The cases reach what they are about: half get past the outer decoder, many are fine, most are not.
    expect(tally.past).toBeGreaterThan(CASES / 2);
    expect(tally.accepted).toBeGreaterThan(CASES / 10);
    expect(tally.accepted).toBeLessThan(CASES / 2);
    if (CASES > 20_000) console.log({ cases: CASES, ...tally });
  }, 3_600_000);
});
