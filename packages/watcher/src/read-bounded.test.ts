import { expect, it } from 'vitest';
import { readBounded } from './read-bounded.ts';

it('an answer is read to its last allowed byte, and one that is longer is left at the first byte too many', async () => {
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (stream) => stream.enqueue(new Uint8Array(1000).fill(65 + sent++)),
  });
  expect(await readBounded(new Response('è'.repeat(50)), 100)).toBe('è'.repeat(50));
  expect(await readBounded(new Response('è'.repeat(50)), 99)).toBeUndefined();
  expect(await readBounded(new Response(endless), 5000)).toBeUndefined();
  expect(sent).toBeLessThan(10);
});
