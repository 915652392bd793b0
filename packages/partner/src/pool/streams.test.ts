import { toHex } from '@palisade/core';
import { responsibleFor } from '@palisade/market/schema';
import { describe, expect, it } from 'vitest';
import { chooseStreams, MAX_STREAMS } from './streams.ts';

const partner = new Uint8Array(32).fill(9);
const working = Array.from({ length: 10 }, (_, i) => ({
  nodeKey: new Uint8Array(32).fill(16 + i),
  url: `http://v${i}.example`,
}));
const urls = (session: bigint | undefined, open: readonly string[] = []) =>
  chooseStreams(partner, session, working, new Set(open)).map(({ url }) => url);

describe('choosing validators to listen to', () => {
  it('[P2V-2] connects to those that answer for the partner, though it listened to others', () => {
    const others = ['http://v8.example', 'http://v9.example'];
    for (const session of [1n, 2n, 3n]) {
      const keys = working.map(({ nodeKey }) => nodeKey);
      const wanted = responsibleFor(partner, session, keys).map(toHex);
      const chosen = chooseStreams(partner, session, working, new Set(others));
      expect(chosen).toHaveLength(MAX_STREAMS);
      expect(
        chosen
          .slice(0, 2)
          .map(({ nodeKey }) => toHex(nodeKey))
          .sort(),
      ).toEqual(wanted.sort());
    }
  });

  it('[P2V-2] keeps streams that are open rather than changing them for others', () => {
    const first = urls(1n);
    const open = ['http://v8.example', 'http://v9.example'].filter((url) => !first.includes(url));
    expect(urls(1n, open)).toEqual(expect.arrayContaining(open));
  });

  it('[P2V-2] takes the best while the session is not known, and all where there are few', () => {
    expect(urls(undefined)).toEqual(working.slice(0, MAX_STREAMS).map(({ url }) => url));
    expect(chooseStreams(partner, 1n, working.slice(0, 2), new Set())).toHaveLength(2);
  });
});
