import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRange } from './range.ts';

describe('the Range header', () => {
  it('[API] names bytes as RFC 9110 14.1.2 does in its examples', () => {
    expect(parseRange('bytes=0-499', 10_000)).toEqual({ from: 0, to: 500 });
    expect(parseRange('bytes=500-999', 10_000)).toEqual({ from: 500, to: 1000 });
    expect(parseRange('bytes=-500', 10_000)).toEqual({ from: 9500, to: 10_000 });
    expect(parseRange('bytes=9500-', 10_000)).toEqual({ from: 9500, to: 10_000 });
  });

  it('[API] is cut to the content, or not satisfiable outside it', () => {
    expect(parseRange('bytes=5-999', 10)).toEqual({ from: 5, to: 10 });
    expect(parseRange('bytes=-999', 10)).toEqual({ from: 0, to: 10 });
    expect(parseRange('bytes=10-', 10)).toBe('unsatisfiable');
    expect(parseRange('bytes=-0', 10)).toBe('unsatisfiable');
    expect(parseRange('bytes=0-0', 0)).toBe('unsatisfiable');
  });

  it('[API] that is several ranges, or none of bytes, is passed over', () => {
    for (const header of [
      undefined,
      '',
      'bytes=',
      'bytes=-',
      'bytes=0-1,3-4',
      'lines=0-1',
      'bytes=5-2',
      'bytes=0x1-2',
      'bytes=99999999999999999999-',
    ])
      expect(parseRange(header, 10)).toBe('whole');
  });

  it('[API] never leads outside the content', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(), fc.nat(), (junk, size, a, b) => {
        for (const header of [junk, `bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`]) {
          const range = parseRange(header, size);
          if (typeof range === 'string') continue;
          expect(range.from).toBeGreaterThanOrEqual(0);
          expect(range.to).toBeGreaterThan(range.from);
          expect(range.to).toBeLessThanOrEqual(size);
        }
      }),
    );
  });
});
