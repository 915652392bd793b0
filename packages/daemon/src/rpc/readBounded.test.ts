import { expect, it } from 'vitest';
import { readBounded } from './readBounded.ts';

it('an answer is read to its last allowed byte, and one that is longer is left at the first byte too many', async () => {
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (stream) => stream.enqueue(new Uint8Array(1000).fill(65 + sent++)),
  });
  const text = 'è'.repeat(50);
  const bytes = await readBounded(new Response(text), 100);
  expect(new TextDecoder().decode(bytes)).toBe(text);
  expect(await readBounded(new Response(text), 99)).toBeUndefined();
  expect(await readBounded(new Response(null), 0)).toEqual(new Uint8Array(0));
  expect(await readBounded(new Response(endless), 5000)).toBeUndefined();
  expect(sent).toBeLessThan(10);
});
