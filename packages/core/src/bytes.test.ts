import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBinaryString, fromHex, fromUtf8, toBinaryString, toHex, utf8 } from './bytes.ts';

const someBytes = fc.uint8Array({ maxLength: 200 });
const someText = fc.string({ unit: 'binary', maxLength: 80 }).filter((text) => text.isWellFormed());

describe('bytes and text', () => {
  it('[ENG] binary strings are what the platform calls latin1, at any length', () => {
    fc.assert(
      fc.property(someBytes, (bytes) => {
        expect(toBinaryString(bytes)).toBe(Buffer.from(bytes).toString('latin1'));
        expect(fromBinaryString(toBinaryString(bytes))).toEqual(bytes);
      }),
    );
  });

  it('[ENG] hex is what the platform writes, at any length', () => {
    fc.assert(
      fc.property(someBytes, (bytes) => {
        expect(toHex(bytes)).toBe(`0x${Buffer.from(bytes).toString('hex')}`);
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
  });

  it('[ENG] short and long text is coded as the platform codes it', () => {
    fc.assert(
      fc.property(someText, (text) => {
        expect(utf8(text)).toEqual(new Uint8Array(new TextEncoder().encode(text)));
        expect(fromUtf8(utf8(text))).toBe(text);
      }),
    );
  });

  it('[ENG] bytes that are not UTF-8 are refused, however short', () => {
    for (const bytes of [[0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x41, 0xff]])
      expect(() => fromUtf8(Uint8Array.from(bytes))).toThrow(TypeError);
  });
});
