import { concat, fromHex, toHex, utf8 } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRlp, encodeRlp, type RlpItem } from './rlp.ts';

const BOUNDS = { maxBytes: 10_000, maxDepth: 8, maxItems: 1_000 };
const decode = (hex: string) => decodeRlp(fromHex(hex), BOUNDS);

/** Known answers of Ethereum's own description of RLP (ethereum.org, "RLP serialization"). */
const KNOWN: readonly (readonly [RlpItem, string])[] = [
  [utf8('dog'), '0x83646f67'],
  [[utf8('cat'), utf8('dog')], '0xc88363617483646f67'],
  [utf8(''), '0x80'],
  [[], '0xc0'],
  [Uint8Array.of(0), '0x00'],
  [Uint8Array.of(0x0f), '0x0f'],
  [Uint8Array.of(0x04, 0x00), '0x820400'],
  [[[], [[]], [[], [[]]]], '0xc7c0c1c0c3c0c1c0'],
  [
    utf8('Lorem ipsum dolor sit amet, consectetur adipisicing elit'),
    '0xb8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e6720656c6974',
  ],
];

/** A second, naive encoder: joins strings instead of measuring first. */
function naive(item: RlpItem): Uint8Array {
  const head = (offset: number, length: number) => {
    if (length < 56) return Uint8Array.of(offset + length);
    const digits = length.toString(16);
    const size = fromHex(digits.length % 2 ? `0${digits}` : digits);
    return concat(Uint8Array.of(offset + 55 + size.length), size);
  };
  if (item instanceof Uint8Array)
    return item.length === 1 && item[0]! < 0x80 ? item : concat(head(0x80, item.length), item);
  const content = concat(...item.map(naive));
  return concat(head(0xc0, content.length), content);
}

const anItem = fc.letrec<{ item: RlpItem; list: RlpItem[]; bytes: Uint8Array }>((tie) => ({
  item: fc.oneof({ maxDepth: 5 }, tie('bytes'), tie('list')),
  list: fc.array(tie('item'), { maxLength: 6 }),
  bytes: fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 300, size: 'max' })),
})).item;

describe('RLP', () => {
  it('[X16] gives the known answers in both directions', () => {
    for (const [item, hex] of KNOWN) {
      expect(toHex(encodeRlp(item))).toBe(hex);
      expect(decode(hex)).toEqual(item);
    }
  });

  it('[X16] encodes as a naive encoder does, and decodes to what was encoded', () => {
    fc.assert(
      fc.property(anItem, (item) => {
        const bytes = encodeRlp(item);
        expect(bytes).toEqual(naive(item));
        expect(decodeRlp(bytes, { ...BOUNDS, maxBytes: 1e6 })).toEqual(item);
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('[X16] refuses every second form, what is cut off, and what is left over', () => {
    for (const [hex, why] of [
      ['0x', 'there are none'],
      ['0x8101', 'a small byte has a length'],
      ['0xb800', 'a length begins with a zero'],
      ['0xb80161', 'a short length'],
      [`0xb90001${'61'}`, 'a length begins with a zero'],
      ['0xb9', 'ends within a length'],
      ['0xbf0000000000000001', 'too many bytes'],
      ['0x83646f', 'beyond its end'],
      ['0xc283646f67', 'beyond its end'],
      ['0xc1', 'beyond its end'],
      ['0x8080', 'left over'],
      ['0xc000', 'left over'],
    ] as const)
      expect(() => decode(hex), hex).toThrow(why);
  });

  it('[X16] takes no more bytes, items and depth than its bounds', () => {
    const list = encodeRlp([utf8('a'), [utf8('b')]]);
    const fits = { maxBytes: list.length, maxDepth: 2, maxItems: 4 };
    expect(decodeRlp(list, fits)).toHaveLength(2);
    expect(() => decodeRlp(list, { ...fits, maxBytes: list.length - 1 })).toThrow('more than');
    expect(() => decodeRlp(list, { ...fits, maxDepth: 1 })).toThrow('too deeply');
    expect(() => decodeRlp(list, { ...fits, maxItems: 3 })).toThrow('too many items');
  });

  it('[X16] accepts nothing of random bytes that does not encode to them again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let item: RlpItem;
        try {
          item = decodeRlp(bytes, BOUNDS);
        } catch {
          return;
        }
        expect(encodeRlp(item)).toEqual(bytes);
      }),
      { numRuns: 2_000, seed: 2 },
    );
  });
});
