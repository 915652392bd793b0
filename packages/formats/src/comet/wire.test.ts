import { fromHex, toHex } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockMessage, commitMessage, voteMessage } from './messages.ts';
import { duration, timestamp, ZERO_TIME_NS } from './time.ts';
import type { TypeOf } from './wire.ts';
import {
  bool,
  bytes,
  bytesList,
  embedded,
  enumeration,
  int32,
  int64,
  list,
  maybe,
  message,
  sfixed64,
  string,
  stringList,
  uint32,
  uint64,
} from './wire.ts';

const inner = message('Inner', { value: uint32(1) });
const exactFields = {
  small: uint32(1),
  signed: int32(2),
  wide: uint64(3),
  wideSigned: int64(4),
  yes: bool(5),
  kind: enumeration(6, { none: 0, some: 5 }),
  fixed: sfixed64(7),
  blob: bytes(8, 8),
  text: string(9, 40),
  perhaps: maybe(11, inner, 16),
  several: list(12, inner, { maxItems: 3, maxBytes: 16 }),
  blobs: bytesList(13, { maxItems: 3, maxBytes: 8 }),
  texts: stringList(14, { maxItems: 3, maxBytes: 40 }),
};
/** Without embedded messages: leaving those out is the one freedom that a writer has. */
const exact = message('Exact', exactFields);
const sample = message('Sample', {
  ...exactFields,
  always: embedded(10, inner, 16),
  at: timestamp(15),
  lasting: duration(16),
});

const innerArb = fc.record({ value: fc.nat(2 ** 31) });
const sampleArb = fc.record({
  small: fc.nat(2 ** 32 - 1),
  signed: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  wide: fc.bigInt(0n, 2n ** 64n - 1n),
  wideSigned: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  yes: fc.boolean(),
  kind: fc.constantFrom('none' as const, 'some' as const),
  fixed: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  blob: fc.uint8Array({ maxLength: 8 }),
  text: fc.string({ unit: 'grapheme', maxLength: 3, size: 'xsmall' }).filter((s) => s.length < 9),
  always: innerArb,
  perhaps: fc.option(innerArb, { nil: undefined }),
  several: fc.array(innerArb, { maxLength: 3 }),
  blobs: fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 3 }),
  texts: fc.array(fc.constantFrom('', 'a', 'ü', '鎖'), { maxLength: 3 }),
  at: fc.bigInt(ZERO_TIME_NS, 253_402_300_799_999_999_999n),
  lasting: fc.bigInt(0n, 10n ** 20n),
});

const decodes = (text: string) => () => sample.decode(fromHex(text));

describe('protobuf messages from tables', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(sampleArb, (value) => {
        const encoded = sample.encode(value);
        expect(sample.decode(encoded)).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it('decode in one way only: any other bytes that decode, encode to themselves', () => {
    fc.assert(
      fc.property(sampleArb, fc.nat(), fc.nat(255), (value, place, byte) => {
        const changed = exact.encode(value);
        changed[place % changed.length] = byte;
        let decoded: TypeOf<typeof exact>;
        try {
          decoded = exact.decode(changed);
        } catch (error) {
          expect(error).toMatchObject({ code: 'formats/malformed' });
          return;
        }
        expect(toHex(exact.encode(decoded))).toBe(toHex(changed));
      }),
      { numRuns: 2000 },
    );
  });

  it('never do anything but decode or say why not, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        for (const shape of [sample, blockMessage, commitMessage, voteMessage] as const) {
          try {
            shape.decode(noise);
          } catch (error) {
            expect(error).toMatchObject({ code: 'formats/malformed' });
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('write an empty embedded message, and leave out zeros and the absent', () => {
    const empty = sample.decode(new Uint8Array());
    expect(empty.at).toBe(ZERO_TIME_NS);
    expect(toHex(sample.encode({ ...empty, at: 0n }))).toBe('0x52007a00820100');
  });

  it.each([
    ['unknown field', '0x980101', /no field 19/],
    ['wrong wire type', '0x0a00', /wire type/],
    ['field twice', '0x08010802', /twice/],
    ['fields out of order', '0x10010801', /order/],
    ['written zero', '0x0800', /although it is zero/],
    ['padded varint', '0x088100', /longer than/],
    ['varint over 32 bits', '0x088080808010', /over 32 bits/],
    ['varint over 64 bits', '0x18ffffffffffffffffff02', /over 64 bits/],
    ['varint without end', '0x08ffffffffffffffffffffffff', /longer than ten/],
    ['cut varint', '0x0880', /middle of a varint/],
    ['cut bytes', '0x42050102', /middle of a value/],
    ['too many bytes', '0x4209010203040506070809', /at most 8/],
    ['too many items', '0x6200620062006200', /over 3 items/],
    ['no UTF-8', '0x4a02c328', /UTF-8/],
    ['unknown enumeration value', '0x3001', /no value 1/],
    ['boolean of two', '0x2802', /over 1 bits/],
    ['int32 of 33 bits', '0x108080808010', /fit 32 bits/],
    ['nanoseconds over a second', '0x7a06108094ebdc03', /nanoseconds/],
    ['year 10000', '0x7a07088083d1ffaf07', /year/],
    ['negative duration', '0x82010b08ffffffffffffffffff01', /negative/],
    ['trailing half tag', '0x080180', /middle of a varint/],
  ])('refuse: %s', (_, text, reason) => {
    expect(decodes(text)).toThrow(reason);
  });
});
