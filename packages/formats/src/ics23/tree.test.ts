import { createHash } from 'node:crypto';
import { compareBytes, toHex, u64be, utf8 } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  iavlFormat,
  type ProvenEntry,
  ProvenTree,
  verifyExistence,
  verifyNonExistence,
} from './index.ts';
import { writeNodeHead } from './node.ts';

const sha = (...parts: readonly Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const zigzag = (value: number) => {
  const bytes: number[] = [];
  let rest = BigInt(value) * 2n;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
};

/** The definition in spec/proven-store.md taken literally, with no treap in sight. */
function byDefinition(entries: readonly ProvenEntry[]): {
  hash: Buffer;
  height: number;
} {
  if (entries.length === 1) {
    const [key, value] = entries[0]!;
    const length = key.length < 128 ? [key.length] : [(key.length % 128) + 128, key.length >> 7];
    const head = Uint8Array.of(0, 2, 2, ...length);
    return { hash: sha(head, key, Uint8Array.of(32), sha(value)), height: 0 };
  }
  let gap = 1;
  const rank = (index: number) => sha(entries[index]![0]).readUInt32BE(0);
  for (let i = 2; i < entries.length; i++) if (rank(i) > rank(gap)) gap = i;
  const left = byDefinition(entries.slice(0, gap));
  const right = byDefinition(entries.slice(gap));
  const height = 1 + Math.max(left.height, right.height);
  const head = [zigzag(height), zigzag(entries.length), zigzag(1)];
  const length = Uint8Array.of(32);
  return { hash: sha(...head, length, left.hash, length, right.hash), height };
}

/** Few distinct keys, so that writes meet; prefixes of one another and the extreme bytes included. */
const key = fc
  .array(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), { minLength: 1, maxLength: 4 })
  .map((bytes) => Uint8Array.from(bytes));
const value = fc.uint8Array({ minLength: 1, maxLength: 5 });
const change = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(key, value) },
  { weight: 2, arbitrary: fc.tuple(key, fc.constant(undefined)) },
);
const content = fc.uniqueArray(fc.tuple(key, value), {
  selector: ([k]) => toHex(k),
  maxLength: 60,
});

const sorted = (entries: readonly ProvenEntry[]) =>
  [...entries].sort(([a], [b]) => compareBytes(a, b));
const show = (entries: Iterable<ProvenEntry>) =>
  Array.from(entries, ([k, v]) => `${toHex(k)}=${toHex(v)}`);
const treeOf = (entries: readonly ProvenEntry[]) =>
  entries.reduce((tree, [k, v]) => tree.set(k, v), ProvenTree.empty);

describe('the tree of a proven store', () => {
  it('has the root that its definition gives, whether built at once or one by one', () => {
    fc.assert(
      fc.property(content, (entries) => {
        const inOrder = sorted(entries);
        const expected = inOrder.length === 0 ? sha() : byDefinition(inOrder).hash;
        expect(toHex(ProvenTree.fromSorted(inOrder).root())).toBe(toHex(expected));
        expect(toHex(treeOf(entries).root())).toBe(toHex(expected));
      }),
    );
  });

  it('has the root that its definition gives at a thousand keys, and remembers the height', () => {
    const entries = Array.from(
      { length: 1000 },
      (_, i) => [u64be(BigInt(i)), utf8(`${i}`)] as const,
    );
    const expected = byDefinition(entries);
    const tree = ProvenTree.fromSorted(entries);
    expect(toHex(tree.root())).toBe(toHex(expected.hash));
    expect(tree.height).toBe(expected.height);
  });

  it('forgets its history: equal content, equal root, whatever was written and taken back', () => {
    fc.assert(
      fc.property(
        content,
        fc.array(key, { maxLength: 30 }),
        fc.infiniteStream(fc.nat()),
        (entries, detours, random) => {
          const shuffled = entries
            .map((entry) => ({ entry, at: random.next().value as number }))
            .sort((a, b) => a.at - b.at)
            .map(({ entry }) => entry);
          const wanted = new Set(entries.map(([k]) => toHex(k)));
          const strays = detours.filter((k) => !wanted.has(toHex(k)));
          let other = treeOf(strays.map((k) => [k, k]));
          for (const [k] of shuffled) other = other.set(k, Uint8Array.of(9, 9, 9, 9, 9, 9));
          for (const k of strays) other = other.delete(k);
          for (const [k, v] of shuffled) other = other.set(k, v);
          expect(toHex(other.root())).toBe(toHex(treeOf(entries).root()));
          expect([other.size, other.height]).toEqual([entries.length, treeOf(entries).height]);
        },
      ),
    );
  });

  it('behaves as a sorted map does, and every earlier tree stays as it was', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        let tree = ProvenTree.empty;
        const model = new Map<string, ProvenEntry>();
        const kept: { tree: ProvenTree; entries: string[]; root: string }[] = [];
        for (const [index, [k, v]] of changes.entries()) {
          tree = v === undefined ? tree.delete(k) : tree.set(k, v);
          if (v === undefined) model.delete(toHex(k));
          else model.set(toHex(k), [k, v]);
          const entries = show(sorted([...model.values()]));
          expect(show(tree.entries())).toEqual(entries);
          expect([tree.size, tree.has(k)]).toEqual([model.size, v !== undefined]);
          expect(tree.get(k)).toEqual(v);
          // Some roots are computed late, so that hashed and unhashed nodes mix in later trees.
          if (index % 7 === 0) kept.push({ tree, entries, root: toHex(tree.root()) });
        }
        for (const { tree: earlier, entries, root } of kept) {
          expect(show(earlier.entries())).toEqual(entries);
          expect(toHex(ProvenTree.fromSorted(earlier.entries()).root())).toBe(root);
        }
      }),
    );
  });

  it('walks any range in either direction', () => {
    const bound = fc.option(key, { nil: undefined });
    fc.assert(
      fc.property(content, bound, bound, fc.boolean(), (entries, from, to, reverse) => {
        const tree = treeOf(entries);
        const range = { ...(from && { from }), ...(to && { to }), reverse };
        const expected = sorted(entries).filter(
          ([k]) => (!from || compareBytes(k, from) >= 0) && (!to || compareBytes(k, to) < 0),
        );
        if (reverse) expected.reverse();
        expect(show(tree.entries(range))).toEqual(show(expected));
      }),
    );
  });

  it('lets its entries be rewritten while they are walked', () => {
    const start = treeOf(Array.from({ length: 50 }, (_, i) => [u64be(BigInt(i)), utf8('old')]));
    let tree = start;
    for (const [k] of start.entries())
      tree = tree.delete(k).set(Uint8Array.of(1, ...k), utf8('new'));
    expect(tree.size).toBe(50);
    expect(start.get(u64be(7n))).toEqual(utf8('old'));
  });

  it('returns itself when nothing changes, and never shares its bytes', () => {
    const tree = treeOf([[utf8('a'), utf8('1')]]);
    expect(tree.set(utf8('a'), utf8('1'))).toBe(tree);
    expect(tree.delete(utf8('b'))).toBe(tree);
    tree.get(utf8('a'))!.fill(0);
    tree.root().fill(0);
    expect(tree.get(utf8('a'))).toEqual(utf8('1'));
    expect(tree.delete(utf8('a'))).toBe(ProvenTree.empty);
  });

  it('puts the smaller key above when two priorities are equal', () => {
    const [a, b] = keysWithEqualPriority();
    const entries = sorted([a, b, Uint8Array.of(0)].map((k) => [k, k] as const));
    const expected = toHex(byDefinition(entries).hash);
    expect(toHex(ProvenTree.fromSorted(entries).root())).toBe(expected);
    expect(toHex(treeOf(entries).root())).toBe(expected);
    expect(toHex(treeOf([...entries].reverse()).root())).toBe(expected);
    const passing = treeOf(entries).set(Uint8Array.of(0, 0), Uint8Array.of(1));
    expect(toHex(passing.delete(Uint8Array.of(0, 0)).root())).toBe(expected);
  });

  it('survives keys that somebody mined to lie one below the other', () => {
    const mined = minedChain(40_000);
    expect(mined.length).toBeGreaterThan(300);
    const tree = treeOf(mined.map((k) => [k, k]));
    expect(tree.height).toBe(mined.length - 1);
    const last = mined.at(-1)!;
    const proof = tree.prove(last)!.exist!;
    expect(verifyExistence(iavlFormat, proof, tree.root(), last, last)).toBe(true);
    const absent = Uint8Array.of(...mined[5]!, 0);
    const absence = tree.prove(absent)!.nonexist!;
    expect(verifyNonExistence(iavlFormat, absence, tree.root(), absent)).toBe(true);
    const emptied = mined.reduce((rest, k) => rest.delete(k), tree);
    expect(emptied.size).toBe(0);
  });

  it('keeps to the prefix lengths of iavlSpec at any size and depth that it can reach', () => {
    const { minPrefixLength, maxPrefixLength } = iavlFormat.spec.innerSpec;
    for (const height of [1, 63, 64, 127, 128, 1024]) {
      for (const size of [2, 63, 64, 10_000_000, 4_000_000_000]) {
        const prefixLength = writeNodeHead(new Uint8Array(12), height, size) + 1;
        expect(prefixLength).toBeGreaterThanOrEqual(minPrefixLength);
        expect(prefixLength).toBeLessThanOrEqual(maxPrefixLength);
      }
    }
  });

  it('refuses what cannot be proven: empty or oversized keys and values, unsorted entries', () => {
    const one = Uint8Array.of(1);
    const none = new Uint8Array(0);
    const code = (code: string) => expect.objectContaining({ code });
    const thrownBy = (act: () => unknown): unknown => {
      try {
        return act();
      } catch (error) {
        return error;
      }
    };
    const empty = ProvenTree.empty;
    expect(thrownBy(() => empty.set(none, one))).toEqual(code('formats/tree-key'));
    expect(thrownBy(() => empty.set(new Uint8Array(1025), one))).toEqual(code('formats/tree-key'));
    expect(thrownBy(() => empty.set(one, none))).toEqual(code('formats/tree-value'));
    expect(thrownBy(() => empty.set(one, new Uint8Array(1_048_577)))).toEqual(
      code('formats/tree-value'),
    );
    const twice = [one, one].map((k) => [k, one] as const);
    expect(thrownBy(() => ProvenTree.fromSorted(twice))).toEqual(code('formats/unsorted-entries'));
    const largest = empty.set(new Uint8Array(1024), new Uint8Array(1_048_576).fill(255));
    const [entry] = largest.entries();
    expect(toHex(largest.root())).toBe(toHex(byDefinition([entry!]).hash));
    expect(empty.prove(one)).toBeUndefined();
  });
});

/** A birthday among four-byte priorities: about 80 000 keys are tried. */
function keysWithEqualPriority(): readonly [Uint8Array, Uint8Array] {
  const seen = new Map<number, Uint8Array>();
  for (let i = 0n; ; i++) {
    const candidate = u64be(i);
    const rank = sha(candidate).readUInt32BE(0);
    const other = seen.get(rank);
    if (other) return [other, candidate];
    seen.set(rank, candidate);
  }
}

/** Of `tries` candidates in key order, the longest run of falling priorities: about 2 sqrt(tries). */
function minedChain(tries: number): readonly Uint8Array[] {
  const ranks = Array.from({ length: tries }, (_, i) => sha(u64be(BigInt(i))).readUInt32BE(0));
  const tails: number[] = [];
  const before: number[] = [];
  for (const [i, rank] of ranks.entries()) {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ranks[tails[middle]!]! > rank) low = middle + 1;
      else high = middle;
    }
    before[i] = low > 0 ? tails[low - 1]! : -1;
    tails[low] = i;
  }
  const chain: Uint8Array[] = [];
  for (let i = tails.at(-1)!; i >= 0; i = before[i]!) chain.unshift(u64be(BigInt(i)));
  return chain;
}
