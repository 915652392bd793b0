/**
 * The outline: the roots of a content's 1 MiB groups, one after another. A reader fetches it once,
 * checks it against the content id, and can then check every MiB as it arrives, from any partner,
 * and go on at any group after an interruption.
 */
import { equalBytes } from '../bytes.ts';
import { hashAt, levelsOf } from './levels.ts';
import { groupCount, groupLength, HASH_BYTES, isContentSize } from './sizes.ts';
import { contentIdOfRoot, emptyRoot, TreeBuilder } from './tree.ts';

/** Group roots of a content together with the size that gives them their meaning. */
export type Outline = {
  readonly size: number;
  /** 32 bytes per group; empty for the empty content. */
  readonly roots: Uint8Array;
};

/** A content's id and outline. */
export type ContentDescription = Outline & { readonly contentId: Uint8Array };

/**
 * The content id that an outline stands for: 32 bytes.
 * Undefined when the number of roots does not fit the size.
 */
export function contentIdOfOutline(size: number, roots: Uint8Array): Uint8Array | undefined {
  if (!isContentSize(size) || roots.length !== groupCount(size) * HASH_BYTES) return undefined;
  return contentIdOfRoot(size, rootOfOutline(roots));
}

/** Root of the whole tree over the group roots. */
function rootOfOutline(roots: Uint8Array): Uint8Array {
  return roots.length === 0 ? emptyRoot() : levelsOf(roots).at(-1)!;
}

/** The outline, once its bytes prove to belong to the id; undefined when they do not. */
export function openOutline(
  contentId: Uint8Array,
  size: number,
  roots: Uint8Array,
): Outline | undefined {
  const id = contentIdOfOutline(size, roots);
  return id && equalBytes(id, contentId) ? { size, roots } : undefined;
}

/** Root over the leaves of one group of at most 1 MiB, which may come in parts. */
export function groupRoot(...parts: readonly Uint8Array[]): Uint8Array {
  const builder = new TreeBuilder();
  for (const part of parts) builder.push(part);
  return builder.finish().root;
}

/**
 * Whether the parts, one after another, are group `index` of a content whose outline was opened
 * against its id. The length is checked as well as the hash: it is what keeps a short group from
 * posing as nodes.
 */
export function verifyGroup(
  outline: Outline,
  index: number,
  ...parts: readonly Uint8Array[]
): boolean {
  const expected = groupLength(outline.size, index);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (expected === 0 || length !== expected) return false;
  return equalBytes(groupRoot(...parts), hashAt(outline.roots, index));
}

/**
 * Id and outline of a content that is at hand in memory.
 * @throws PalisadeError `content/bad-size` beyond the largest content
 */
export function describeContent(chunks: Iterable<Uint8Array>): ContentDescription {
  const builder = new DescriptionBuilder();
  for (const chunk of chunks) builder.push(chunk);
  return builder.finish();
}

/** Room for the roots of 64 MiB; grows by doubling, so that a large content costs no quadratic copy. */
const INITIAL_ROOTS_BYTES = 64 * HASH_BYTES;

/** A `TreeBuilder` that also keeps the outline: 32 KiB per GiB pushed. */
export class DescriptionBuilder {
  #roots = new Uint8Array(INITIAL_ROOTS_BYTES);
  #used = 0;
  readonly #tree = new TreeBuilder((root) => this.#keep(root));

  /** @throws PalisadeError `content/bad-size`, `content/finished` */
  push(chunk: Uint8Array): void {
    this.#tree.push(chunk);
  }

  /** @throws PalisadeError `content/finished` */
  finish(): ContentDescription {
    const { contentId, size } = this.#tree.finish();
    return { contentId, size, roots: this.#roots.slice(0, this.#used) };
  }

  #keep(root: Uint8Array): void {
    if (this.#used === this.#roots.length) {
      const larger = new Uint8Array(2 * this.#roots.length);
      larger.set(this.#roots);
      this.#roots = larger;
    }
    this.#roots.set(root, this.#used);
    this.#used += root.length;
  }
}
