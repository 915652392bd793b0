import { readFileSync, writeFileSync } from 'node:fs';
import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { candidatesOf, idOf, mixedPowers, occasion } from '../../test/draw-cases.ts';
import { fenwickDraw } from '../../test/fenwick-draw.ts';
import { chiSquare, chiSquareLimit, pairLaw } from '../../test/law.ts';
import { BOUND_BITS, type Bounds, boundExponent, exponent, LOG_BITS } from './log.ts';
import { comparePlaces, fullRace, placeOf, race } from './race.ts';

const GOLDEN = new URL('../../../../spec/vectors/draw.json', import.meta.url);

/** The number as 16 bytes. */
function bytesOf(h: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[15 - i] = Number((h >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

describe('the exponent', () => {
  it('[P8] has the known answers of the chapter', () => {
    expect(exponent(1n << 128n)).toBe(0n);
    expect(exponent(1n << 127n)).toBe(1n << 48n);
    expect(exponent(1n)).toBe(128n << 48n);
    expect(exponent(3n << 126n)).toBe(116822670443562n);
    for (const x of [0n, -1n, (1n << 128n) + 1n])
      expect(() => exponent(x)).toThrow('not in [1, 2^128]');
  });

  it('[P8] is as near to the logarithm as a floating number can tell', () => {
    for (const power of mixedPowers(500)) {
      const x = (power << 60n) + 12345n;
      const expected = 128 - Math.log2(Number(x));
      expect(Math.abs(Number(exponent(x)) / 2 ** 48 - expected)).toBeLessThan(1e-12);
    }
  });

  it('[P8] never lies outside its quick bounds, wherever the number is', () => {
    const bounds: Bounds = { low: 0, high: 0 };
    const numbers = [0n, 1n, 2n, (1n << 128n) - 1n, (1n << 127n) - 1n, 1n << 127n];
    for (let bit = 0n; bit < 128n; bit++)
      for (const near of [-1n, 0n, 1n]) {
        const h = (1n << bit) + near;
        if (h >= 0n) numbers.push(h);
        if (h * 3n < 1n << 128n) numbers.push(h * 3n);
      }
    for (const power of mixedPowers(2000, 3)) numbers.push(power * power);
    for (const h of numbers) {
      boundExponent(bytesOf(h), bounds);
      const e = exponent(h + 1n);
      expect(BigInt(bounds.low) << (LOG_BITS - BigInt(BOUND_BITS))).toBeLessThanOrEqual(e);
      expect(BigInt(bounds.high) << (LOG_BITS - BigInt(BOUND_BITS))).toBeGreaterThanOrEqual(e);
    }
  });
});

describe('the race', () => {
  it('[P8] with quick bounds gives every place to whom the definition gives it', () => {
    for (let i = 0; i < 120; i++) {
      const candidates = candidatesOf(mixedPowers(5 + ((i * 37) % 300), i));
      for (const count of [1, 15])
        expect(race(occasion(i), candidates, count)).toEqual(
          fullRace(occasion(i), candidates, count),
        );
    }
  });

  it('[P8] settles ties by id, and takes everybody where there are fewer than seats', () => {
    const one = placeOf(occasion(1), idOf(1), 1n);
    const tie = { ...one, id: idOf(2) };
    expect(Math.sign(comparePlaces(one, tie))).toBe(-Math.sign(comparePlaces(tie, one)));
    const places = race(occasion(1), candidatesOf([5n, 0n, 7n]), 10);
    expect(places.map(({ index }) => index).sort()).toEqual([0, 2]);
    expect(race(occasion(1), candidatesOf([]), 10)).toEqual([]);
    expect(race(occasion(1), candidatesOf([1n]), 0)).toEqual([]);
  });

  it('[P8] is a lottery of its own for each chain, session and seed', () => {
    const candidates = candidatesOf(mixedPowers(50).map((power) => (power % 100n) + 1n));
    const order = (changed: object) =>
      race({ ...occasion(1), ...changed }, candidates, 10).map(({ index }) => index);
    const orders = [{}, { session: 8n }, { seed: idOf(1) }, { genesisHash: idOf(2) }].map(order);
    expect(new Set(orders.map((o) => o.join())).size).toBe(4);
  });

  it('[P8] more power never loses a place, and who has none does not move the others', () => {
    const powers = mixedPowers(30, 5).map((power) => (power % 1000n) + 10n);
    for (let i = 0; i < 300; i++) {
      const before = race(occasion(i), candidatesOf(powers), 6);
      const winner = before[i % 6]!;
      const richer = powers.map((power, at) => (at === winner.index ? power + 5n : power));
      const after = race(occasion(i), candidatesOf(richer), 6);
      const rankBefore = before.findIndex(({ index }) => index === winner.index);
      const rankAfter = after.findIndex(({ index }) => index === winner.index);
      expect(rankAfter).toBeGreaterThanOrEqual(0);
      expect(rankAfter).toBeLessThanOrEqual(rankBefore);
      const loser = powers.findIndex((_, at) => !before.some(({ index }) => index === at));
      const without = powers.map((power, at) => (at === loser ? 0n : power));
      const rest = race(occasion(i), candidatesOf(without), 6);
      expect(rest.map(({ index }) => index)).toEqual(before.map(({ index }) => index));
    }
  });

  it('[P8] one key can be told alone, from public facts', () => {
    const powers = mixedPowers(40, 8).map((power) => power + 1n);
    for (const { id, power, key } of race(occasion(9), candidatesOf(powers), 40))
      expect(placeOf(occasion(9), id, power).key).toBe(key);
  });

  it('[P8] comes to the places of the vector file, on every machine', () => {
    const cases = [3, 30, 1000].map((count) => {
      const powers = mixedPowers(count, count);
      const places = race(occasion(count), candidatesOf(powers), 15);
      return {
        candidates: count,
        places: places.map(({ id, power, exponent: e, key }) => ({
          id: toHex(id),
          power: power.toString(),
          exponent: e.toString(),
          key: key.toString(),
        })),
      };
    });
    const golden = { about: 'packages/power/src/draw/race.test.ts', cases };
    if (process.env.PALISADE_WRITE_VECTORS)
      writeFileSync(GOLDEN, `${JSON.stringify(golden, null, 2)}\n`);
    expect(JSON.parse(readFileSync(GOLDEN, 'utf8'))).toEqual(golden);
  });
});

/** Draws at which the law is measured: enough to notice a candidate that wins a twentieth too often. */
const DRAWS = 60_000;

describe('the law of the draw', () => {
  const powers = [50n, 20n, 15n, 10n, 5n];
  const candidates = candidatesOf(powers);

  it('[P8] first and second place go as exact fractions of power say', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < DRAWS; i++) {
      const [first, second] = race(occasion(i), candidates, 2);
      const pair = `${first!.index},${second!.index}`;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    const { value, freedom } = chiSquare(pairLaw(powers), counts, DRAWS);
    expect(freedom).toBe(19);
    expect(value).toBeLessThan(chiSquareLimit(freedom));
  });

  it('[P8] and so does a draw by running sums, which shares nothing with the race', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < DRAWS; i++) {
      const pair = fenwickDraw(`oracle ${i}`, powers, 2).join();
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    const { value, freedom } = chiSquare(pairLaw(powers), counts, DRAWS);
    expect(value).toBeLessThan(chiSquareLimit(freedom));
  });

  it('[P8] the measure would notice a draw that favours the strong a little', () => {
    const counts = new Map<string, number>();
    // The strongest has the first place with 52.6 % instead of a half.
    const bent = powers.map((power) => power * power + 300n * power);
    for (let i = 0; i < DRAWS; i++) {
      const pair = fenwickDraw(`oracle ${i}`, bent, 2).join();
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    const { value, freedom } = chiSquare(pairLaw(powers), counts, DRAWS);
    expect(value).toBeGreaterThan(chiSquareLimit(freedom));
  });
});
