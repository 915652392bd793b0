import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readLargeBody, readSmallBody } from './body.ts';

const request = () =>
  Object.assign(new PassThrough(), { headers: {} }) as unknown as IncomingMessage & PassThrough;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function take(body: AsyncIterable<Uint8Array>): Promise<number> {
  let length = 0;
  for await (const part of body) length += part.length;
  return length;
}

describe('request bodies', () => {
  it('[API] of a small request are read whole, and refused beyond their bound', async () => {
    const good = request();
    good.end(Buffer.from([1, 2, 3]));
    expect(await readSmallBody(good, 3)).toEqual(Uint8Array.of(1, 2, 3));
    const large = request();
    large.write(Buffer.alloc(4));
    await expect(readSmallBody(large, 3)).rejects.toMatchObject({ code: 'api/too-large' });
    expect(large.destroyed).toBe(false);
  });

  it('[API] that trickle are cut off, however regularly they do', async () => {
    const slow = request();
    const timer = setInterval(() => slow.write(Buffer.alloc(1)), 5);
    const body = readLargeBody(slow, { onBytes: () => {}, windowMs: 60, leastBytes: 1000 });
    await expect(take(body)).rejects.toMatchObject({ code: 'api/too-slow', retry: 'now' });
    clearInterval(timer);
    expect(slow.destroyed).toBe(true);
  });

  it('[API] are not blamed for a disk that is slow', async () => {
    const quick = request();
    quick.end(Buffer.alloc(300));
    let length = 0;
    const body = readLargeBody(quick, { onBytes: () => {}, windowMs: 40, leastBytes: 10_000 });
    for await (const part of body) {
      await sleep(80);
      length += part.length;
    }
    expect(length).toBe(300);
  });

  it('[API] count what came, piece by piece', async () => {
    const some = request();
    let counted = 0;
    const reading = take(
      readLargeBody(some, {
        onBytes: (bytes) => {
          counted += bytes;
        },
      }),
    );
    some.write(Buffer.alloc(10));
    some.end(Buffer.alloc(7));
    expect(await reading).toBe(17);
    expect(counted).toBe(17);
  });
});
