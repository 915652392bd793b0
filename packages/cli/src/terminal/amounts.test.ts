import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countOf,
  formatAmount,
  formatDuration,
  formatSize,
  parseAmount,
  parseCount,
  parseDuration,
  shortId,
} from './amounts.ts';

const PAL = 10n ** 18n;

describe('amounts', () => {
  it('what is shown can be typed again, to the last unit', () => {
    const amount = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
    fc.assert(
      fc.property(amount, (value) => {
        expect(parseAmount(formatAmount(value))).toBe(value);
      }),
    );
  });

  it.each([
    ['1', PAL],
    ['1.5', (3n * PAL) / 2n],
    ['0.000000000000000001', 1n],
    [' 2 pal ', 2n * PAL],
    ['007', 7n * PAL],
    ['0', 0n],
  ])('%s is %s base units', (text, amount) => {
    expect(parseAmount(text)).toBe(amount);
  });

  it.each([
    '',
    '-1',
    '1,5',
    '1.',
    '.5',
    '1e3',
    '0x10',
    '1 ETH',
    '1.0000000000000000001',
    'NaN',
    '400000000000000000000',
  ])('does not take %s for an amount', (text) => {
    expect(() => parseAmount(text)).toThrow();
  });
});

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['10m', 600_000],
    ['4h', 14_400_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
  ])('%s are %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '10', 'm', '-1m', '1.5h', '10 minutes', '0s', '99999999w'])(
    'does not take %s',
    (text) => {
      expect(() => parseDuration(text)).toThrow();
    },
  );

  it('shows at most two units, and what is shown reads as no more than half a unit off', () => {
    const ms = fc.integer({ min: 1000, max: 10 * 365 * 86_400_000 });
    fc.assert(
      fc.property(ms, (value) => {
        const shown = formatDuration(value);
        expect(shown.split(' ').length).toBeLessThanOrEqual(2);
        const error = Math.abs(parseDuration(shown) - value);
        expect(error).toBeLessThan(value / 5 + 1000);
      }),
    );
    expect(formatDuration(90_000)).toBe('1m 30s');
    expect(formatDuration(250)).toBe('250 ms');
  });
});

describe('sizes, counts and ids', () => {
  it('sizes have three digits that matter', () => {
    expect([0, 1023, 1024, 9_001_656, 123 * 2 ** 30, 2n ** 50n].map(formatSize)).toEqual([
      '0 B',
      '1023 B',
      '1.00 KiB',
      '8.58 MiB',
      '123 GiB',
      '1.00 PiB',
    ]);
  });

  it('counts have bounds and grammar', () => {
    expect(parseCount(1, 32)('32')).toBe(32);
    for (const text of ['0', '33', '1.0', 'x', '']) expect(() => parseCount(1, 32)(text)).toThrow();
    expect([countOf(1, 'session'), countOf(2, 'copy', 'copies')]).toEqual([
      '1 session',
      '2 copies',
    ]);
  });

  it('a short id begins like the long one', () => {
    const id = `0x${'ab'.repeat(32)}`;
    expect(id.startsWith(shortId(id).slice(0, -1))).toBe(true);
    expect(shortId('0x1234')).toBe('0x1234');
  });
});
