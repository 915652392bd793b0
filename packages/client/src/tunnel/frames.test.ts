import { concat, PalisadeError } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataFrame, type Frame, FrameReader, frame, MAX_FRAME_BODY } from './frames.ts';

const bytes = (max: number) => fc.uint8Array({ maxLength: max });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const u16 = fc.integer({ min: 0, max: 65_535 });
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const reason = fc.record({
  code: fc.constantFrom('access/idle', ''),
  message: fc.string({ unit: fc.constantFrom(...'abc äß€'), maxLength: 100 }),
});
const none = fc.constant({});
const bodies = {
  credit: fc.record({ bytes: u32 }),
  end: none,
  reset: reason,
  connect: fc.record({ host: fc.domain(), port: u16 }),
  connected: none,
  hello: fc.record({ version: fc.nat(255), partner: bytes32, nonce: bytes32 }),
  open: fc.record({ message: bytes(1024), voucher: bytes(1024) }),
  opened: fc.record({
    counted: u64,
    limit: u64,
    intervalBytes: u64,
    intervalMs: u32,
    window: u32,
    streams: u16,
  }),
  voucher: fc.record({ sent: u64, received: u64, voucher: bytes(1024) }),
  accepted: fc.record({ units: u64, sent: u64 }),
  stopped: reason,
  resumed: none,
  ping: none,
  pong: none,
  finish: none,
  finished: fc.record({ sent: u64 }),
  close: reason,
} as const;

const control = fc.oneof(
  ...Object.entries(bodies).map(([name, body]) =>
    fc.record({ name: fc.constant(name), stream: u32, body: body as fc.Arbitrary<unknown> }),
  ),
);
const data = fc.record({
  name: fc.constant('data'),
  stream: u32,
  body: fc.uint8Array({ minLength: 1, maxLength: 3000 }),
});
const anyFrame = fc.oneof(control, data) as fc.Arbitrary<Frame>;

function bytesOf({ name, stream, body }: Frame): Uint8Array {
  return name === 'data' ? dataFrame(stream, body) : frame(name, body as never, stream);
}

const plain = (one: Frame) => ({
  ...one,
  body:
    one.name === 'data'
      ? [...one.body]
      : Object.fromEntries(
          Object.entries(one.body ?? {}).map(([key, value]) => [
            key,
            value instanceof Uint8Array ? [...value] : value,
          ]),
        ),
});

describe('frames', () => {
  it('[ACCESS] come out as they went in, however the bytes are cut', () => {
    const plan = fc.tuple(fc.array(anyFrame, { maxLength: 12 }), fc.array(fc.nat(500)));
    fc.assert(
      fc.property(plan, ([frames, cuts]) => {
        const all = concat(...frames.map(bytesOf));
        const reader = new FrameReader();
        const found: Frame[] = [];
        let at = 0;
        for (const cut of [...cuts, all.length]) {
          const piece = all.slice(at, at + cut);
          for (const one of reader.read(piece))
            found.push({ ...one, body: structuredClone(one.body) } as Frame);
          at = Math.min(all.length, at + cut);
        }
        expect(found.map(plain)).toEqual(frames.map(plain));
      }),
    );
  });

  it('[ACCESS] garbage is refused with one code, or waited on for less than a frame', () => {
    fc.assert(
      fc.property(fc.array(bytes(2000), { maxLength: 8 }), (pieces) => {
        const reader = new FrameReader();
        try {
          for (const piece of pieces)
            for (const one of reader.read(piece)) expect(one.name).toBeTruthy();
        } catch (error) {
          expect(error).toBeInstanceOf(PalisadeError);
          expect((error as PalisadeError).code).toBe('access/bad-frame');
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('[ACCESS] a flipped bit is never read as another form of the same frame', () => {
    fc.assert(
      fc.property(control, fc.nat(), (one, at) => {
        const good = bytesOf(one as Frame);
        const bad = good.slice();
        const bit = at % (8 * good.length);
        bad[bit >> 3]! ^= 1 << (bit & 7);
        try {
          const again = concat(...[...new FrameReader().read(bad)].map(bytesOf));
          expect(again).toEqual(bad.subarray(0, again.length));
        } catch (error) {
          if (!(error instanceof PalisadeError)) throw error;
          expect(error.code).toBe('access/bad-frame');
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('[ACCESS] a frame that is too long is refused by its head', () => {
    const head = dataFrame(1, new Uint8Array(1)).slice(0, 7);
    new DataView(head.buffer).setUint16(5, MAX_FRAME_BODY + 1);
    expect(() => [...new FrameReader().read(head)]).toThrow(/too long/);
    expect(() => [...new FrameReader().read(dataFrame(1, new Uint8Array(0)))]).toThrow(/without/);
    expect(() => [...new FrameReader().read(Uint8Array.of(99, 0, 0, 0, 0, 0, 0))]).toThrow(/kind/);
  });
});
