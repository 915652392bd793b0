/**
 * The tree over a content's bytes: 1 KiB leaves, BLAKE3, and the shape of RFC 6962 (section 2.1:
 * n > 1 leaves split at the largest power of two below n).
 *
 *   leaf       = BLAKE3(bytes of the leaf)
 *   node       = BLAKE3(0x01 || left || right)
 *   root       = BLAKE3('') for the empty content
 *   content id = BLAKE3("palisade/content/1" || size as u64 big-endian || root)
 *
 * Leaves carry no prefix: a last leaf of 65 bytes may well read like a node, but the id binds the
 * size, the size fixes the shape and the length of every leaf, and every check here takes the size.
 * So nothing can stand at a place where it does not belong (spec/content.md).
 */
import { utf8 } from '../bytes.ts';
import { blake3 } from '../crypto/wasm-hashes.ts';
import { PalisadeError } from '../errors.ts';
import { checkContentSize, GROUP_HEIGHT, GROUP_LEAVES, HASH_BYTES, LEAF_BYTES } from './sizes.ts';

const ID_DOMAIN = utf8('palisade/content/1');

/** Reused buffers: hashing is synchronous, and a checker of leaves does little else. */
const nodeBytes = new Uint8Array(1 + 2 * HASH_BYTES);
nodeBytes[0] = 1;
const idBytes = new Uint8Array(ID_DOMAIN.length + 8 + HASH_BYTES);
idBytes.set(ID_DOMAIN);
const idView = new DataView(idBytes.buffer, ID_DOMAIN.length);

export function leafHash(leaf: Uint8Array): Uint8Array {
  return blake3(leaf);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeBytes.set(left, 1);
  nodeBytes.set(right, 1 + HASH_BYTES);
  return blake3(nodeBytes);
}

export function emptyRoot(): Uint8Array {
  return blake3(new Uint8Array(0));
}

/** The id of a content with this size and tree root: 32 bytes. */
export function contentIdOfRoot(size: number, root: Uint8Array): Uint8Array {
  checkContentSize(size);
  idView.setBigUint64(0, BigInt(size));
  idBytes.set(root, ID_DOMAIN.length + 8);
  return blake3(idBytes);
}

/** Called once per group, in order, with the root over its leaves (32 bytes). */
export type GroupSink = (root: Uint8Array, groupIndex: number) => void;

/** What a finished tree says. */
export type ContentSummary = {
  readonly size: number;
  /** Root of the tree, 32 bytes; not yet the id. */
  readonly root: Uint8Array;
  readonly contentId: Uint8Array;
};

/**
 * Builds the tree from chunks of any size. Holds one leaf and one hash per level (at most 28), so
 * memory does not grow with the content; group roots go to the sink as they are complete.
 *
 * @example
 * const roots: Uint8Array[] = [];
 * const builder = new TreeBuilder((root) => roots.push(root));
 * for await (const chunk of file) builder.push(chunk);
 * const { contentId, size } = builder.finish();
 */
export class TreeBuilder {
  readonly #sink: GroupSink | undefined;
  readonly #partial = new Uint8Array(LEAF_BYTES);
  /** Roots of complete subtrees, largest first: one per set bit of the number of leaves. */
  readonly #subtrees: Uint8Array[] = [];
  #filled = 0;
  #size = 0;
  #leaves = 0;
  #finished = false;

  constructor(sink?: GroupSink) {
    this.#sink = sink;
  }

  /** @throws PalisadeError `content/bad-size` beyond the largest content, `content/finished` after `finish` */
  push(chunk: Uint8Array): void {
    this.#refuseWhenFinished();
    checkContentSize(this.#size + chunk.length);
    this.#size += chunk.length;
    let at = this.#topUp(chunk);
    for (; at + LEAF_BYTES <= chunk.length; at += LEAF_BYTES) {
      this.#addLeaf(chunk.subarray(at, at + LEAF_BYTES));
    }
    if (at < chunk.length) {
      this.#partial.set(chunk.subarray(at));
      this.#filled = chunk.length - at;
    }
  }

  /** Ends the content. @throws PalisadeError `content/finished` when called again */
  finish(): ContentSummary {
    this.#refuseWhenFinished();
    this.#finished = true;
    if (this.#filled > 0) this.#addLeaf(this.#partial.subarray(0, this.#filled));
    const root = this.#foldRoot();
    return { size: this.#size, root, contentId: contentIdOfRoot(this.#size, root) };
  }

  /** Fills a begun leaf from the head of the chunk; returns how much of the chunk is used up. */
  #topUp(chunk: Uint8Array): number {
    if (this.#filled === 0) return 0;
    const taken = Math.min(LEAF_BYTES - this.#filled, chunk.length);
    this.#partial.set(chunk.subarray(0, taken), this.#filled);
    this.#filled += taken;
    if (this.#filled < LEAF_BYTES) return chunk.length;
    this.#addLeaf(this.#partial);
    this.#filled = 0;
    return taken;
  }

  #addLeaf(leaf: Uint8Array): void {
    let hash = leafHash(leaf);
    let height = 0;
    for (let before = this.#leaves++; before & 1; before >>>= 1) {
      hash = nodeHash(this.#subtrees.pop()!, hash);
      height++;
      if (height === GROUP_HEIGHT) this.#sink?.(hash, this.#leaves / GROUP_LEAVES - 1);
    }
    this.#subtrees.push(hash);
  }

  #foldRoot(): Uint8Array {
    let root: Uint8Array | undefined;
    const inLastGroup = this.#leaves % GROUP_LEAVES;
    for (let left = inLastGroup; left > 0; left &= left - 1) root = this.#foldOne(root);
    if (root) this.#sink?.(root, Math.floor(this.#leaves / GROUP_LEAVES));
    while (this.#subtrees.length > 0) root = this.#foldOne(root);
    return root ?? emptyRoot();
  }

  #foldOne(right: Uint8Array | undefined): Uint8Array {
    const left = this.#subtrees.pop()!;
    return right ? nodeHash(left, right) : left;
  }

  #refuseWhenFinished(): void {
    if (!this.#finished) return;
    throw new PalisadeError({
      code: 'content/finished',
      message: 'This tree is finished: its id has been given out, so nothing can follow.',
      next: 'Start a new TreeBuilder for the next content.',
    });
  }
}
