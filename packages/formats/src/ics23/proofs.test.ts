import {
  iavlSpec,
  ics23,
  tendermintSpec,
  verifyMembership,
  verifyNonMembership,
} from '@confio/ics23';
import { fromHex, toHex, u64be, utf8 } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommitmentProof, ExistenceProof, ProvenPath } from './index.ts';
import * as own from './index.ts';

/** What the reference says of encoded bytes; whatever it throws is a no. */
function theirs(
  encoded: Uint8Array,
  format: own.ProofFormat,
  root: Uint8Array,
  key: Uint8Array,
  value: Uint8Array | undefined,
): boolean {
  const spec = format === own.iavlFormat ? iavlSpec : tendermintSpec;
  try {
    const proof = ics23.CommitmentProof.decode(encoded);
    return value === undefined
      ? verifyNonMembership(proof, spec, root, key)
      : verifyMembership(proof, spec, root, key, value);
  } catch {
    return false;
  }
}

/** What we say of the same bytes. */
function ours(
  encoded: Uint8Array,
  format: own.ProofFormat,
  root: Uint8Array,
  key: Uint8Array,
  value: Uint8Array | undefined,
): boolean {
  let proof: CommitmentProof;
  try {
    proof = own.commitmentProof.decode(encoded);
  } catch {
    return false;
  }
  const claim = { root, path: [key], formats: [format], proofs: [proof] };
  return value === undefined ? own.verifyNonMembership(claim) : own.verifyMembership(claim, value);
}

const key = fc.uint8Array({ minLength: 1, maxLength: 3 });
const value = fc.uint8Array({ minLength: 1, maxLength: 5 });
const entries = fc.uniqueArray(fc.tuple(key, value), {
  selector: ([k]) => toHex(k),
  minLength: 1,
  maxLength: 40,
});
const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}$/), { minLength: 1, maxLength: 20 });
const rootOfName = (name: string) => own.ProvenTree.empty.set(utf8(name), utf8(name)).root();
const storesOf = (all: readonly string[]) => new Map(all.map((name) => [name, rootOfName(name)]));
const treeOf = (all: readonly (readonly [Uint8Array, Uint8Array])[]) =>
  all.reduce((tree, [k, v]) => tree.set(k, v), own.ProvenTree.empty);

/** A proof in either kind of tree with all that it is checked against. */
type Sample = {
  readonly format: own.ProofFormat;
  readonly root: Uint8Array;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  readonly proof: CommitmentProof;
};

const iavlSample = fc
  .tuple(entries, key, fc.nat(), fc.boolean())
  .map(([all, absent, n, any]): Sample => {
    const tree = treeOf(all);
    const k = any ? absent : all[n % all.length]![0];
    return {
      format: own.iavlFormat,
      root: tree.root(),
      key: k,
      value: tree.get(k),
      proof: tree.prove(k)!,
    };
  });
const storeSample = fc
  .tuple(names, fc.stringMatching(/^[a-z]{1,4}$/), fc.nat(), fc.boolean())
  .map(([all, absent, n, any]): Sample => {
    const stores = storesOf(all);
    const name = any ? absent : all[n % all.length]!;
    return {
      format: own.tendermintFormat,
      root: own.storesRoot(stores),
      key: utf8(name),
      value: stores.get(name),
      proof: own.proveStore(stores, name)!,
    };
  });
const sample = fc.oneof(iavlSample, storeSample);

describe('proofs of presence and absence', () => {
  it('hold with the reference implementation and with ours, in both kinds of tree', () => {
    fc.assert(
      fc.property(sample, ({ format, root, key: k, value: v, proof }) => {
        const encoded = own.commitmentProof.encode(proof);
        expect(proof.exist === undefined).toBe(v === undefined);
        expect(theirs(encoded, format, root, k, v)).toBe(true);
        expect(ours(encoded, format, root, k, v)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('hold for nothing else: not another key, value or root, nor the contrary', () => {
    fc.assert(
      fc.property(sample, fc.nat(), ({ format, root, key: k, value: v, proof }, at) => {
        const encoded = own.commitmentProof.encode(proof);
        const changed = (bytes: Uint8Array) =>
          bytes.with(at % bytes.length, bytes[at % bytes.length]! ^ 1);
        const refused = (r: Uint8Array, kk: Uint8Array, vv: Uint8Array | undefined) => {
          expect(theirs(encoded, format, r, kk, vv)).toBe(false);
          expect(ours(encoded, format, r, kk, vv)).toBe(false);
        };
        refused(changed(root), k, v);
        refused(root, k, v === undefined ? utf8('x') : undefined);
        if (v !== undefined) {
          refused(root, k, changed(v));
          refused(root, changed(k), v);
        }
      }),
    );
  });

  it('an absence proof never covers a key that is there', () => {
    fc.assert(
      fc.property(entries, key, ([...all], absent) => {
        const tree = treeOf(all).delete(absent);
        const proof = tree.prove(absent);
        if (proof === undefined) return;
        for (const [present] of tree.entries()) {
          for (const forged of [proof.nonexist!, { ...proof.nonexist!, key: present }]) {
            const encoded = own.commitmentProof.encode({ nonexist: forged });
            expect(ours(encoded, own.iavlFormat, tree.root(), present, undefined)).toBe(false);
            expect(theirs(encoded, own.iavlFormat, tree.root(), present, undefined)).toBe(false);
          }
        }
      }),
    );
  });

  it('neighbours that are none prove nothing, whichever two or one of the tree they are', () => {
    fc.assert(
      fc.property(entries, key, fc.nat(), fc.nat(), (all, absent, i, j) => {
        const tree = treeOf(all).delete(absent);
        if (tree.size === 0) return;
        const present = [...tree.entries()];
        const exist = (n: number) =>
          n % (present.length + 1) === present.length
            ? undefined
            : tree.prove(present[n % (present.length + 1)]![0])!.exist;
        const honest = tree.prove(absent)!.nonexist!;
        const forged = { key: absent, left: exist(i), right: exist(j) };
        const isHonest =
          own.commitmentProof.encode({ nonexist: forged }).join() ===
          own.commitmentProof.encode({ nonexist: honest }).join();
        const encoded = own.commitmentProof.encode({ nonexist: forged });
        expect(ours(encoded, own.iavlFormat, tree.root(), absent, undefined)).toBe(isHonest);
      }),
      { numRuns: 300 },
    );
  });

  it('no byte of an encoded proof can be changed, left out or added', () => {
    fc.assert(
      fc.property(sample, fc.nat(), fc.integer({ min: 1, max: 255 }), (s, at, flip) => {
        const encoded = own.commitmentProof.encode(s.proof);
        const place = at % encoded.length;
        const altered = encoded.with(place, encoded[place]! ^ flip);
        expect(ours(altered, s.format, s.root, s.key, s.value)).toBe(false);
        expect(theirs(altered, s.format, s.root, s.key, s.value)).toBe(
          isSameToThem(altered, s.proof),
        );
        for (const cut of [encoded.subarray(0, place), encoded.subarray(place + 1)]) {
          expect(ours(cut, s.format, s.root, s.key, s.value)).toBe(false);
          expect(theirs(cut, s.format, s.root, s.key, s.value)).toBe(isSameToThem(cut, s.proof));
        }
        expect(ours(Uint8Array.of(...encoded, flip), s.format, s.root, s.key, s.value)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it('no byte of two fixed proofs can be changed, tried one at a time', () => {
    const tree = treeOf(
      Array.from({ length: 20 }, (_, i) => [u64be(BigInt(i)), utf8(`v${i}`)] as const),
    );
    for (const wanted of [u64be(11n), Uint8Array.of(...u64be(11n), 0)]) {
      const encoded = own.commitmentProof.encode(tree.prove(wanted)!);
      expect(ours(encoded, own.iavlFormat, tree.root(), wanted, tree.get(wanted))).toBe(true);
      for (let place = 0; place < encoded.length; place++) {
        for (const flip of [1, 2, 0x80, 0xff]) {
          const altered = encoded.with(place, encoded[place]! ^ flip);
          expect(ours(altered, own.iavlFormat, tree.root(), wanted, tree.get(wanted))).toBe(false);
        }
      }
    }
  });
});

/**
 * Whether the reference reads the same proof out of altered bytes: its protobuf reader does not look
 * at wire types, and it never looks at the key that an absence proof names. We refuse both.
 */
function isSameToThem(altered: Uint8Array, proof: CommitmentProof): boolean {
  try {
    const read = ics23.CommitmentProof.decode(altered);
    if (read.nonexist && proof.nonexist) read.nonexist.key = proof.nonexist.key;
    return (
      toHex(ics23.CommitmentProof.encode(read).finish()) ===
      toHex(own.commitmentProof.encode(proof))
    );
  } catch {
    return false;
  }
}

describe('steps that ICS-23 bounds by length only', () => {
  const leaf = own.iavlFormat.spec.leafSpec;
  const iavlLeaf = { ...leaf, prefix: Uint8Array.of(0, 2, 2) };
  const child = fromHex('20'.padEnd(66, '7'));
  const step = (prefix: readonly number[], suffix: Uint8Array = new Uint8Array(0)) => ({
    hash: 'sha256' as const,
    prefix: Uint8Array.from(prefix),
    suffix,
  });
  const codeOf = (format: own.ProofFormat, change: Partial<ExistenceProof>) => {
    const proof = { key: utf8('k'), value: utf8('v'), leaf: iavlLeaf, path: [], ...change };
    return own.checkExistence(format, proof, own.existenceRoot(proof), proof.key, proof.value)
      ?.code;
  };
  const right = (...head: readonly number[]) => step([...head, ...child, 32]);

  it('an IAVL step has its head, both length bytes and both children where they belong', () => {
    const { iavlFormat } = own;
    expect(
      codeOf(iavlFormat, { path: [step([2, 4, 2, 32], child), right(4, 6, 2)] }),
    ).toBeUndefined();
    for (const path of [
      [step([2, 4, 2, 33], child)],
      [step([2, 4, 2, 32], child.with(0, 33))],
      [step([2, 4, 2, 32], child.subarray(1))],
      [step([2, 4, 2, 32])],
      [step([2, 4, 2, ...child.with(0, 31), 32])],
      [step([2, 4, 2, ...child, 33])],
      [step([2, 4, 2, ...child, 32], child)],
      [right(3, 4, 2)],
      [right(2, 4, 3)],
      [right(0, 4, 2)],
      [right(0x82, 0, 4, 2)],
      [right(2, 4, 0x82, 0x80, 0)],
      [right(2, 4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1)],
      // Three good varints, but 12 bytes of them: one more than ICS-23 allows.
      [right(0x80, 0x80, 2, 0x80, 0x80, 4, 0x80, 0x80, 0x80, 0x80, 0x80, 2)],
      [right(2, 4, 2), right(2, 6, 2)],
      [right(2, 4, 2), right(4, 4, 2)],
      [{ ...right(2, 4, 2), hash: 'sha512' as const }],
    ]) {
      expect(codeOf(iavlFormat, { path })).toBe('formats/proof-path');
    }
  });

  it('an IAVL leaf has height 0, size 1, a version, and no more', () => {
    for (const prefix of [
      [0],
      [0, 2],
      [0, 4, 2],
      [2, 2, 2],
      [0, 2, 3],
      [0, 2, 2, 0],
      [0, 2, 0x82],
    ]) {
      const changed = { leaf: { ...leaf, prefix: Uint8Array.from(prefix) } };
      expect(codeOf(own.iavlFormat, changed)).toBe('formats/proof-leaf');
    }
    for (const change of [
      { hash: 'keccak' },
      { prehashKey: 'sha256' },
      { prehashValue: 'none' },
      { length: 'none' },
    ] as const) {
      expect(codeOf(own.iavlFormat, { leaf: { ...iavlLeaf, ...change } })).toBe(
        'formats/proof-leaf',
      );
    }
  });

  it('a step of the map of stores begins with 1 and has one sibling', () => {
    const hash = child.subarray(1);
    const of = (path: ExistenceProof['path']) => codeOf(own.tendermintFormat, { leaf, path });
    expect(of([step([1], hash), step([1, ...hash])])).toBeUndefined();
    for (const path of [
      [step([1])],
      [step([2], hash)],
      [step([1, ...hash], hash)],
      [step([1, ...hash, 1])],
      [step([], hash)],
      [{ ...step([1], hash), hash: 'none' as const }],
    ]) {
      expect(of(path)).toBe('formats/proof-path');
    }
    expect(codeOf(own.tendermintFormat, { leaf: iavlLeaf })).toBe('formats/proof-leaf');
  });

  it('neighbours in a tree whose keys are out of order prove nothing', () => {
    const absent = (first: string, second: string) => {
      const proofOf = (k: string, path: ExistenceProof['path']): ExistenceProof => {
        return { key: utf8(k), value: utf8('v'), leaf, path };
      };
      const [low, high] = [first, second].map((k) => own.existenceRoot(proofOf(k, [])));
      const one = proofOf(first, [step([1], high!)]);
      const two = proofOf(second, [step([1, ...low!])]);
      const [left, right] = first < second ? [one, two] : [two, one];
      const proof = { key: utf8('b'), left, right };
      return own.checkNonExistence(own.tendermintFormat, proof, own.existenceRoot(one), utf8('b'));
    };
    expect(absent('a', 'c')).toBeUndefined();
    expect(absent('c', 'a')?.code).toBe('formats/proof-neighbours');
  });

  it('neither key nor value is empty, and no path is longer than the bound', () => {
    const empty = new Uint8Array(0);
    expect(codeOf(own.iavlFormat, { value: empty })).toBe('formats/proof-empty');
    expect(codeOf(own.iavlFormat, { key: empty })).toBe('formats/proof-empty');
    const path = Array.from({ length: 1025 }, () => step([1], child.subarray(1)));
    expect(codeOf(own.tendermintFormat, { leaf, path })).toBe('formats/proof-path');
    const encoded = own.commitmentProof.encode({
      exist: { key: utf8('k'), value: utf8('v'), leaf, path },
    });
    expect(() => own.commitmentProof.decode(encoded)).toThrow('1024 items');
  });
});

describe('a key under the app hash', () => {
  const ibc = treeOf([
    [utf8('clients/a'), utf8('state')],
    [utf8('clients/c'), utf8('other')],
  ]);
  const stores = new Map([
    ['validators', rootOfName('validators')],
    ['ibc', ibc.root()],
    ['vaults', rootOfName('vaults')],
  ]);
  const claim = (name: string, k: string, proofs?: readonly CommitmentProof[]): ProvenPath => ({
    root: own.storesRoot(stores),
    path: [utf8(name), utf8(k)],
    formats: [own.iavlFormat, own.tendermintFormat],
    proofs: proofs ?? [ibc.prove(utf8(k))!, own.proveStore(stores, name)!],
  });

  it('is proven present or absent by a proof in its store and a proof of the store', () => {
    expect(own.checkMembership(claim('ibc', 'clients/a'), utf8('state'))).toBeUndefined();
    expect(own.checkNonMembership(claim('ibc', 'clients/b'))).toBeUndefined();
    const { root, proofs } = claim('ibc', 'clients/a');
    const [inner, outer] = proofs.map((proof) =>
      ics23.CommitmentProof.decode(own.commitmentProof.encode(proof)),
    );
    expect(verifyMembership(inner!, iavlSpec, ibc.root(), utf8('clients/a'), utf8('state'))).toBe(
      true,
    );
    expect(verifyMembership(outer!, tendermintSpec, root, utf8('ibc'), ibc.root())).toBe(true);
  });

  it('is refused with the reason when any part does not fit', () => {
    const member = (c: ProvenPath, v = 'state') => own.checkMembership(c, utf8(v))?.code;
    const good = claim('ibc', 'clients/a');
    const [inner, outer] = good.proofs as readonly [CommitmentProof, CommitmentProof];
    expect(member(good, 'other')).toBe('formats/proof-value');
    expect(member({ ...good, root: ibc.root() })).toBe('formats/proof-root');
    expect(member({ ...good, proofs: [inner] })).toBe('formats/proof-levels');
    expect(member({ ...good, path: [], formats: [], proofs: [] })).toBe('formats/proof-levels');
    expect(member({ ...good, formats: [own.tendermintFormat, own.iavlFormat] })).toBe(
      'formats/proof-leaf',
    );
    expect(member({ ...good, proofs: [outer, inner] })).toBe('formats/proof-key');
    expect(member(claim('vaults', 'clients/a'))).toBe('formats/proof-root');
    expect(member(claim('ibc', 'clients/b'))).toBe('formats/proof-kind');
    expect(own.checkNonMembership(good)?.code).toBe('formats/proof-kind');
    const noStore = own.proveStore(stores, 'nothing')!;
    expect(member({ ...good, proofs: [inner, noStore] })).toBe('formats/proof-kind');
    expect(own.verifyMembership(good, utf8('state'))).toBe(true);
    expect(own.verifyNonMembership(good)).toBe(false);
  });

  it('travels as an IBC MerkleProof, innermost tree first', () => {
    const { proofs } = claim('ibc', 'clients/b');
    const encoded = own.merkleProofChain.encode({ proofs });
    expect(own.merkleProofChain.decode(encoded)).toEqual({ proofs });
  });

  it('does not depend on the order in which stores are named', () => {
    const reversed = new Map([...stores].reverse());
    expect(toHex(own.storesRoot(reversed))).toBe(toHex(own.storesRoot(stores)));
    expect(own.proveStore(new Map(), 'ibc')).toBeUndefined();
    const thrown = (bad: own.StoreRoots) => () => own.storesRoot(bad);
    expect(thrown(new Map([['ibc', utf8('short')]]))).toThrow('root of 32');
    expect(thrown(new Map([['', ibc.root()]]))).toThrow('name of 1 to 64');
    expect(thrown(new Map([['x'.repeat(65), ibc.root()]]))).toThrow('name of 1 to 64');
  });

  it('messages that hold no proof, or both kinds, are refused', () => {
    const { proofs } = claim('ibc', 'clients/a');
    const exist = own.commitmentProof.encode(proofs[0]!);
    const absent = own.commitmentProof.encode(ibc.prove(utf8('b'))!);
    expect(() => own.commitmentProof.decode(Uint8Array.of(...exist, ...absent))).toThrow(
      'exactly one',
    );
    expect(() => own.commitmentProof.decode(new Uint8Array(0))).toThrow('exactly one');
  });
});
