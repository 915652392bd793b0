import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { baseUrl, Directory } from './index.ts';

describe('the directory', () => {
  it('does not let a stranger move a validator that works to another address', () => {
    const directory = new Directory([]);
    const nodeKey = new Uint8Array(32).fill(3);
    directory.hear([{ nodeKey, url: 'http://good.test' }]);
    directory.noteAnswer(toHex(nodeKey), 5);
    directory.hear([{ nodeKey, url: 'http://evil.test' }]);
    expect(directory.find(nodeKey)!.url).toBe('http://good.test');
    directory.noteFailure(toHex(nodeKey));
    directory.hear([{ nodeKey, url: 'http://moved.test' }]);
    expect(directory.find(nodeKey)!.url).toBe('http://moved.test');
  });

  it('holds at most 64 validators, and drops the least useful', () => {
    const directory = new Directory([]);
    for (let i = 0; i < 100; i++)
      directory.hear([
        {
          nodeKey: new Uint8Array(32).fill(i),
          url: `http://v${i}.test`,
          seat: i < 70 ? 'passive' : 'active',
        },
      ]);
    expect(directory.list()).toHaveLength(64);
    expect(directory.list().filter(({ seat }) => seat === 'active')).toHaveLength(30);
  });

  it.each([
    'ftp://a',
    'nonsense',
    'http://user:pass@a',
    'http://a/?q=1',
    `http://${'a'.repeat(300)}`,
  ])('refuses %s as an address', (url) => {
    expect(() => baseUrl(url)).toThrowError(expect.objectContaining({ code: 'client/bad-url' }));
  });
});
