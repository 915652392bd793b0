/**
 * The app hash: a simple Merkle map (RFC 6962) from store names to store roots, laid out as the
 * multistore of the Cosmos SDK lays it out, so that ICS-23 `tendermintSpec` proves it.
 */
import { compareBytes, concat, PalisadeError, utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { type MerkleProof, merkleProof, merkleRoot } from '../merkle.ts';
import type { CommitmentProof, ExistenceProof, InnerOp } from './messages.ts';
import { HASH_BYTES } from './node.ts';
import { type Side, tendermintFormat } from './proof-format.ts';

/** Roots of the named stores, 32 bytes each, in any order. Names have 1 to 64 bytes of UTF-8. */
export type StoreRoots = ReadonlyMap<string, Uint8Array>;

/** Names are words of ours; below 128 their length is one byte of the leaf. */
const MAX_NAME_BYTES = 64;
const INNER_PREFIX = Uint8Array.of(1);
const NOTHING = new Uint8Array(0);

type NamedRoot = { readonly name: Uint8Array; readonly root: Uint8Array };

/**
 * Root over all stores: 32 bytes, sha256 of nothing when there are none.
 * @throws PalisadeError `formats/store-root` for a name or a root of the wrong length.
 */
export function storesRoot(stores: StoreRoots): Uint8Array {
  return new Uint8Array(merkleRoot(sorted(stores).map(leafBytes)));
}

/**
 * Proves a store's root (the value is the root's 32 bytes), or that no store has this name; under
 * `tendermintSpec`. Undefined when there are no stores at all.
 * @throws PalisadeError `formats/store-root` as `storesRoot`.
 */
export function proveStore(stores: StoreRoots, name: string): CommitmentProof | undefined {
  const all = sorted(stores);
  if (all.length === 0) return undefined;
  const leaves = all.map(leafBytes);
  const exist = (index: number): ExistenceProof | undefined => {
    const store = all[index];
    return store && existence(store, merkleProof(leaves, index));
  };
  const key = utf8(name);
  const place = all.findIndex((store) => compareBytes(store.name, key) >= 0);
  const after = place < 0 ? all.length : place;
  const found = exist(after);
  if (found && compareBytes(found.key, key) === 0) return { exist: found };
  return { nonexist: { key, left: exist(after - 1), right: found } };
}

function sorted(stores: StoreRoots): readonly NamedRoot[] {
  const all = Array.from(stores, ([name, root]) => ({ name: utf8(name), root }));
  for (const { name, root } of all) {
    if (name.length < 1 || name.length > MAX_NAME_BYTES || root.length !== HASH_BYTES) {
      throw new PalisadeError({
        code: 'formats/store-root',
        message: `A store has a name of 1 to ${MAX_NAME_BYTES} bytes and a root of ${HASH_BYTES}; here they are ${name.length} and ${root.length}.`,
      });
    }
  }
  return all.sort((a, b) => compareBytes(a.name, b.name));
}

/** The SDK stores the hash of the value, not the value: that is `prehashValue` of the spec. */
function leafBytes({ name, root }: NamedRoot): Uint8Array {
  return concat(Uint8Array.of(name.length), name, Uint8Array.of(HASH_BYTES), sha256(root));
}

function existence({ name, root }: NamedRoot, proof: MerkleProof): ExistenceProof {
  const sides = sidesOf(proof.index, proof.total);
  const path = proof.aunts.map((aunt, level) => step(sides[level]!, aunt));
  return { key: name, value: root, leaf: tendermintFormat.spec.leafSpec, path };
}

function step(side: Side, sibling: Uint8Array): InnerOp {
  return side === 'left'
    ? { hash: 'sha256', prefix: INNER_PREFIX, suffix: new Uint8Array(sibling) }
    : { hash: 'sha256', prefix: concat(INNER_PREFIX, sibling), suffix: NOTHING };
}

/** On which side of each ancestor a leaf hangs, lowest first: RFC 6962 splits at a power of two. */
function sidesOf(index: number, total: number): readonly Side[] {
  const sides: Side[] = [];
  let offset = index;
  let count = total;
  while (count > 1) {
    let split = 1;
    while (split * 2 < count) split *= 2;
    const isLeft = offset < split;
    sides.push(isLeft ? 'left' : 'right');
    if (!isLeft) offset -= split;
    count = isLeft ? split : count - split;
  }
  return sides.reverse();
}
