import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_STANDING_PARAMS } from './params.ts';
import { FAULT, type Fault, newcomer, type Standing } from './records.ts';
import { SCALE, scoreOf, withFailure } from './score.ts';
import { atPeriod, failed, isWarning, periodOf, released, succeeded } from './transitions.ts';

const PARAMS = { ...DEFAULT_STANDING_PARAMS, failuresToContain: 5, containedPeriods: 3 };
const KINDS: readonly Fault[] = [FAULT.audit, FAULT.result, FAULT.complaint, FAULT.duty];
const known: Standing = { ...newcomer(0n, 0n), receipts: PARAMS.probationReceipts };
const fail = (standing: Standing, kind: Fault = FAULT.audit) =>
  failed(standing, kind, SCALE, PARAMS);

describe('a standing', () => {
  it('counts periods of so many sessions', () => {
    expect([0n, 5n, 6n, 13n].map((session) => periodOf(session, PARAMS))).toEqual([0n, 0n, 1n, 2n]);
  });

  it('is warned at the first fault of a kind in a period, and pays for the second', () => {
    const once = fail(known);
    expect(scoreOf(once)).toBe(444);
    expect(scoreOf(fail(once))).toBe(317);
    expect(scoreOf(fail(once, FAULT.complaint))).toBe(444);
    // In the next period there is another warning.
    expect(scoreOf(fail(atPeriod(once, 1n)))).toBe(444);
  });

  it('of a newcomer gets no warning, and nobody is warned of an equivocation', () => {
    expect(isWarning(newcomer(0n, 0n), FAULT.audit, PARAMS)).toBe(false);
    expect(scoreOf(fail(newcomer(0n, 0n)))).toBe(317);
    expect(scoreOf(fail(known, FAULT.equivocation))).toBe(0);
  });

  it('of a validator, which has no receipts and a bonded key, is warned first all the same', () => {
    for (const kind of [FAULT.complaint, FAULT.duty]) {
      const once = fail(newcomer(0n, 0n), kind);
      expect(scoreOf(once)).toBe(444);
      expect(scoreOf(fail(once, kind))).toBe(317);
    }
  });

  it('recovers before anything new is noted', () => {
    const fallen = fail(newcomer(0n, 0n));
    expect([1n, 2n, 3n].map((period) => scoreOf(atPeriod(fallen, period)))).toEqual([
      380, 412, 428,
    ]);
    expect(atPeriod(atPeriod(fallen, 1n), 3n)).toEqual(atPeriod(fallen, 3n));
    expect(atPeriod(fallen, 0n)).toBe(fallen);
  });

  it('is contained after five failures in a row until a challenge is passed, whatever came between', () => {
    type Deed = { readonly what: 'succeed' | 'fail' | 'challenge' | 'wait'; readonly kind: Fault };
    const deed: fc.Arbitrary<Deed> = fc.record({
      what: fc.constantFrom('succeed', 'challenge', 'wait', ...Array(12).fill('fail')),
      kind: fc.constantFrom(...KINDS),
    });
    let containments = 0;
    fc.assert(
      fc.property(fc.array(deed, { minLength: 20, maxLength: 60 }), (deeds) => {
        let standing: Standing = known;
        // The naive model: a row of failures, and how long the last of them shuts out.
        let [row, period, until] = [0, 0, 0];
        for (const { what, kind } of deeds) {
          if (what === 'succeed') standing = succeeded(standing, SCALE, 0n);
          if (what === 'challenge') standing = released(standing);
          if (what === 'fail') standing = fail(standing, kind);
          if (what === 'wait') standing = atPeriod(standing, BigInt(++period));
          if (what === 'challenge' || (what === 'succeed' && until === 0)) [row, until] = [0, 0];
          if (what === 'fail' && ++row >= 5) until = period + 3;
          if (what === 'wait' && until > 0 && period >= until) [row, until] = [0, 0];
          if (until > 0) containments++;
          expect([standing.failuresInRow, standing.containedUntil]).toEqual([row, BigInt(until)]);
        }
      }),
      { seed: 46 },
    );
    expect(containments).toBeGreaterThan(50);
  });

  it('counts receipts and fees with every success, and only then', () => {
    const one = succeeded(newcomer(0n, 0n), SCALE / 2n, 7n);
    expect(one).toMatchObject({ receipts: 1, fees: 7n, failuresInRow: 0 });
    expect(fail(one)).toMatchObject({ receipts: 1, fees: 7n, failuresInRow: 1 });
  });

  it('falls by the weight of the fault', () => {
    const light = failed(newcomer(0n, 0n), FAULT.audit, SCALE / 10n, PARAMS);
    expect(scoreOf(light)).toBe(scoreOf(withFailure(newcomer(0n, 0n), SCALE / 10n)));
    expect(scoreOf(light)).toBeGreaterThan(420);
  });
});
