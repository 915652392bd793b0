import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, decodeTrusted, encode, encodeBehind } from './codec.ts';
import { list, record } from './composite.ts';
import { byteList, bytes, type Infer, text, u8, u64, u128 } from './schema.ts';

/** All kinds of fields, with sizes on both sides of what is coded in the shared place. */
const mixed = record('Mixed', {
  small: u8,
  id: bytes(20),
  name: text(60),
  amount: u128,
  data: byteList(20_000),
  numbers: list(u64, 2_000),
});

const aValue = fc.record({
  small: fc.nat(255),
  id: fc.uint8Array({ minLength: 20, maxLength: 20 }),
  name: fc.string({ unit: fc.constantFrom('a', 'ü', '€', '😀'), maxLength: 15 }),
  amount: fc.bigInt(0n, 2n ** 128n - 1n),
  data: fc
    .tuple(fc.constantFrom(0, 1, 3_900, 4_000, 5_000, 20_000), fc.nat(255))
    .map(([length, byte]) => new Uint8Array(length).fill(byte)),
  numbers: fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { maxLength: 8 }),
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
/** With bytes as text: to compare them one by one takes far longer than to code them. */
const shown = (value: Infer<typeof mixed>) => ({
  ...value,
  id: { bytes: value.id.constructor.name, hex: hex(value.id) },
  data: { bytes: value.data.constructor.name, hex: hex(value.data) },
});

describe('coding values', () => {
  it('[ENG] gives the bytes that the SSZ library gives, and the value back, at any size', () => {
    fc.assert(
      fc.property(aValue, (value) => {
        const bytes = encode(mixed, value);
        expect(hex(bytes)).toBe(hex(mixed.ssz.serialize(value)));
        expect(shown(decode(mixed, bytes))).toEqual(shown(value));
        expect(shown(decodeTrusted(mixed, bytes))).toEqual(shown(value));
        const behind = encodeBehind(Uint8Array.of(7, 8), mixed, value);
        expect(hex(behind)).toBe(`0708${hex(bytes)}`);
        expect(shown(decodeTrusted(mixed, behind, 2))).toEqual(shown(value));
      }),
    );
  });

  it('[ENG] what was coded before does not show through, nor change what was handed out', () => {
    const pair = record('Pair', { a: bytes(32), b: byteList(100) });
    const first = encode(pair, {
      a: new Uint8Array(32).fill(0xff),
      b: new Uint8Array(100).fill(1),
    });
    const decoded = decode(pair, first);
    const second = encode(pair, { a: new Uint8Array(32), b: new Uint8Array() });
    expect(second).toEqual(pair.ssz.serialize({ a: new Uint8Array(32), b: new Uint8Array() }));
    expect(decoded.a).toEqual(new Uint8Array(32).fill(0xff));
    expect(decoded.b).toEqual(new Uint8Array(100).fill(1));
  });
});
