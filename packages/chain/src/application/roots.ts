/**
 * The app hash: a simple Merkle map of named roots. Proven stores have a tree each; all else is
 * logged: its root chains the Merkle roots of every block's sorted changes, so that equal hashes
 * mean equal histories, at a cost that grows with the changes alone.
 */
import {
  bytes32,
  concat,
  fromBinaryString,
  type Infer,
  type KeyValueReader,
  record,
  text,
  u64,
  type Write,
} from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { MerkleAccumulator, ProvenTree, storesRoot } from '@palisade/formats';
import { collection } from '../state/collection.ts';
import { afterPrefix } from '../state/keys.ts';

/** Name of the root that chains the changes of all logged stores. */
export const LOG_STORE = 'log';
/** Name of the root over all entries as of the block that began the session before this one. */
export const FULL_STORE = 'full';

/** What the application committed last; read when it starts again. */
export const committedRecord = record('Committed', {
  height: u64,
  timeMs: u64,
  logRoot: bytes32,
  fullRoot: bytes32,
  appHash: bytes32,
  genesisHash: bytes32,
  chainId: text(50),
});
export type Committed = Infer<typeof committedRecord>;
export const committed = collection({
  store: 'meta',
  name: 'committed',
  key: [],
  value: committedRecord,
});

/** Roots that no flat copy of the state can tell: they sum up what came before. */
export type KeptRoots = {
  readonly logRoot: Uint8Array;
  /** 32 zero bytes until the second session begins. */
  readonly fullRoot: Uint8Array;
};

/** Trees of the proven stores and the other roots, as of one block. */
export type Roots = KeptRoots & { readonly trees: ReadonlyMap<string, ProvenTree> };

/** Rebuilds the trees from their flat copy. */
export function loadRoots(
  state: KeyValueReader,
  provenStores: readonly string[],
  { logRoot, fullRoot }: KeptRoots,
): Roots {
  const trees = new Map<string, ProvenTree>();
  for (const store of provenStores) {
    const prefix = `${store}/`;
    const entries = function* () {
      for (const [key, value] of state.range(prefix, afterPrefix(prefix)))
        yield [fromBinaryString(key.slice(prefix.length)), value] as const;
    };
    trees.set(store, ProvenTree.fromSorted(entries()));
  }
  return { trees, logRoot, fullRoot };
}

/** The roots after a block's changes, which come sorted by key. */
export function advanceRoots(before: Roots, changes: readonly Write[]): Roots {
  const trees = new Map(before.trees);
  const logged = new MerkleAccumulator();
  for (const [key, value] of changes) {
    const store = key.slice(0, key.indexOf('/'));
    const tree = trees.get(store);
    if (!tree) {
      logged.add(leafOf(key, value));
      continue;
    }
    const treeKey = fromBinaryString(key.slice(store.length + 1));
    trees.set(store, value === undefined ? tree.delete(treeKey) : tree.set(treeKey, value));
  }
  return { ...before, trees, logRoot: sha256(concat(before.logRoot, logged.root())) };
}

/** Where changes up to this many bytes are laid out, nearly all: each is hashed before the next. */
const SMALL = 1024;
const small = new Uint8Array(SMALL);

/** One change: key length, key, and the value behind a 1, or a 0 where the key is gone. */
function leafOf(key: string, value: Uint8Array | undefined): Uint8Array {
  const length = 2 + key.length + 1 + (value?.length ?? 0);
  const leaf = length <= SMALL ? small.subarray(0, length) : new Uint8Array(length);
  leaf[0] = key.length >> 8;
  leaf[1] = key.length & 0xff;
  for (let i = 0; i < key.length; i++) leaf[2 + i] = key.charCodeAt(i);
  leaf[2 + key.length] = value === undefined ? 0 : 1;
  if (value) leaf.set(value, 3 + key.length);
  return leaf;
}

/** Roots by store name, as the app hash commits to them. */
export function namedRoots(roots: Roots): Map<string, Uint8Array> {
  const named = new Map<string, Uint8Array>();
  for (const [name, tree] of roots.trees) named.set(name, tree.root());
  named.set(LOG_STORE, roots.logRoot);
  named.set(FULL_STORE, roots.fullRoot);
  return named;
}

export function appHashOf(roots: Roots): Uint8Array {
  return storesRoot(namedRoots(roots));
}
