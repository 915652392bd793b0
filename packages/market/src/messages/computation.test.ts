import { concat, describeContent, isRefusal } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeWork,
  isSameResult,
  MAX_WORK_BYTES,
  owedFor,
  RUN_END,
  readWork,
  type Work,
} from './computation.ts';

const limits = { fuel: 1000n, memoryBytes: 65_536n, outputBytes: 10 };
const bytes = fc.uint8Array({ maxLength: 100 });

describe('the work of a computation job', () => {
  it('comes back from its content as it went in', () => {
    fc.assert(
      fc.property(bytes, bytes, (module, input) => {
        expect(readWork(encodeWork({ module, input, limits }))).toEqual({ module, input, limits });
      }),
    );
  });

  it('has another name when anything of it is another', () => {
    const work: Work = { module: new Uint8Array([1, 2]), input: new Uint8Array([3]), limits };
    const others: Work[] = [
      { ...work, module: new Uint8Array([1]), input: new Uint8Array([2, 3]) },
      { ...work, limits: { ...limits, fuel: 1001n } },
      { ...work, limits: { ...limits, memoryBytes: 0n } },
      { ...work, limits: { ...limits, outputBytes: 11 } },
    ];
    const name = (one: Work) => `${describeContent([encodeWork(one)]).contentId}`;
    expect(new Set([work, ...others].map(name)).size).toBe(5);
  });

  it('is refused when it is cut, continued, or something else', () => {
    const content = encodeWork({ module: new Uint8Array(9), input: new Uint8Array(9), limits });
    for (let length = 0; length < content.length; length++)
      expect(isRefusal(readWork(content.subarray(0, length)))).toBe(true);
    expect(isRefusal(readWork(new Uint8Array([...content, 0])))).toBe(true);
    fc.assert(fc.property(bytes, (noise) => isRefusal(readWork(noise))));
  });

  it('is refused when it is too large', () => {
    const module = new Uint8Array(MAX_WORK_BYTES + 1);
    expect(() => encodeWork({ module, input: new Uint8Array(0), limits })).toThrow(
      expect.objectContaining({ code: 'market/work-too-large' }),
    );
    // Somebody else may have put it together.
    const empty = encodeWork({
      module: module.subarray(0, 0),
      input: module.subarray(0, 0),
      limits,
    });
    const content = concat(empty, module);
    new DataView(content.buffer).setUint32(1, module.length, true);
    expect(isRefusal(readWork(content))).toBe(true);
  });

  it('costs its part of what was agreed for all of it, and never less than what was used', () => {
    expect(owedFor({ rate: 100n, sessions: 1 }, 0n, 1000n)).toBe(0n);
    expect(owedFor({ rate: 100n, sessions: 1 }, 1n, 1000n)).toBe(1n);
    expect(owedFor({ rate: 100n, sessions: 2 }, 500n, 1000n)).toBe(100n);
    expect(owedFor({ rate: 100n, sessions: 2 }, 1000n, 1000n)).toBe(200n);
    expect(owedFor({ rate: 100n, sessions: 1 }, 0n, 0n)).toBe(0n);
  });
});

describe('the results of two partners', () => {
  it('are the same when end, output and instructions are, whoever says it of whichever job', () => {
    const hash = (byte: number) => new Uint8Array(32).fill(byte);
    const said = {
      job: hash(1),
      end: RUN_END.finished,
      output: hash(2),
      outputSize: 3,
      fuel: 4n,
    };
    expect(isSameResult(said, { ...said, job: hash(9) })).toBe(true);
    for (const change of [
      { end: RUN_END.trapped },
      { output: hash(3) },
      { outputSize: 4 },
      { fuel: 5n },
    ])
      expect(isSameResult(said, { ...said, ...change }), Object.keys(change)[0]).toBe(false);
  });
});
