import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactJson, parseExactJson } from './json.ts';

/** Values whose numbers JSON.parse reads as exactly as we do. */
const small = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 5 }),
  ),
})).value;

/** Our value as JSON.parse would have it. */
function rounded(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, rounded(member)]));
}

describe('JSON with exact integers', () => {
  it('[X16] reads what JSON.parse reads, for whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(small, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(rounded(parseExactJson(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });

  it('[X16] carries amounts and positions beyond 2^53 there and back', () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 255n), 2n ** 256n), (amount) => {
        const text = exactJson({ amount, list: [amount] });
        expect(text).toBe(`{"amount":${amount},"list":[${amount}]}`);
        expect(parseExactJson(text)).toEqual({ amount, list: [amount] });
      }),
    );
    expect(parseExactJson('9007200000000001')).toBe(9007200000000001n);
  });

  it('refuses exactly what JSON.parse refuses, among texts that are nearly JSON', () => {
    const piece = fc.constantFrom(
      ...['{', '}', '[', ']', ',', ':', '"a"', '"b', '\\', '"', '1', '-', '01', '1.', '.5', 'e3'],
      ...['true', 'nul', ' ', '\n', '\u0001', '\\u00e', '"\\n"', '1e5', '-0'],
    );
    const accepts = (read: () => unknown) => {
      try {
        read();
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        if (/"a"\s*:.*"a"\s*:/s.test(text)) return; // a name twice: we refuse that
        expect([text, accepts(() => parseExactJson(text))]).toEqual([
          text,
          accepts(() => JSON.parse(text)),
        ]);
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses what only costs: depth, endless digits, names twice; and __proto__ is a name like others', () => {
    for (const text of ['['.repeat(100_000), '9'.repeat(81), '{"a":1,"a":2}', '', 'NaN'])
      expect(() => parseExactJson(text)).toThrowError(/This is no JSON/);
    const value = parseExactJson('{"__proto__":{"admin":true}}') as Record<string, unknown>;
    expect(value.admin).toBeUndefined();
    expect(Object.keys(value)).toEqual(['__proto__']);
  });

  it('leaves out members that are undefined', () => {
    expect(exactJson({ a: undefined, b: [undefined, 'x'] })).toBe('{"b":[null,"x"]}');
  });
});
