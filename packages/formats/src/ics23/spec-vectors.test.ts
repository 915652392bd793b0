import { readFileSync } from 'node:fs';
import { toHex, u64be, utf8 } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { type ProvenEntry, ProvenTree, storesRoot } from './index.ts';

const chapter = readFileSync(new URL('../../../../spec/proven-store.md', import.meta.url), 'utf8');
const rows = Array.from(chapter.matchAll(/^\| (.+) \| ([0-9a-f]{64}) \|$/gm), (match) => ({
  content: match[1]!,
  root: match[2]!,
}));

function treeOf(content: string): ProvenTree {
  if (content === '(empty)') return ProvenTree.empty;
  const entries =
    content === '0..999'
      ? Array.from({ length: 1000 }, (_, i): ProvenEntry => [u64be(BigInt(i)), utf8(`${i}`)])
      : content.split(' ').map((pair): ProvenEntry => {
          const [key, value] = pair.split('=');
          return [utf8(key!), utf8(value!)];
        });
  return entries.reduce((tree, [key, value]) => tree.set(key, value), ProvenTree.empty);
}

describe('vectors of spec/proven-store.md', () => {
  it('are all found', () => {
    expect(rows).toHaveLength(9);
  });

  it.each(rows)('$content', ({ content, root }) => {
    if (!content.includes(':')) {
      expect(toHex(treeOf(content).root())).toBe(`0x${root}`);
      return;
    }
    const stores = content.split(', ').map((store): [string, Uint8Array] => {
      const [name, inside] = store.split(': ');
      return [name!, treeOf(inside!).root()];
    });
    expect(toHex(storesRoot(new Map(stores)))).toBe(`0x${root}`);
  });
});
