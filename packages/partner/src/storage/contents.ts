/** What is stored whole: reading it, proving it, and who needs it. */
import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import {
  type AuditProof,
  createProver,
  GROUP_BYTES,
  GROUP_LEAVES,
  groupLength,
  leafCount,
  MAX_SAMPLES,
  type Outline,
  type Refusal,
} from '@palisade/core';
import { type Disk, isMissing, readInto } from './disk.ts';
import { dataFile, encodeOutline, type HexId, outlineFile, readOutline } from './folders.ts';
import {
  badLeaf,
  badRange,
  contentDamaged,
  contentMissing,
  done,
  leafDamaged,
  type Outcome,
  refused,
} from './outcome.ts';
import { rebuildOutline } from './rebuildOutline.ts';

/** A content of the store. */
export type StoredContent = {
  readonly contentId: Uint8Array;
  readonly folder: string;
  readonly size: number;
  readonly jobs: Set<HexId>;
  /** What was found wrong with it; such a content is taken in again when somebody sends it. */
  damage: Refusal | undefined;
};

/** Bytes handed out at a time when reading. */
const READ_BYTES = 256 * 1024;

/** The outline, checked against the id; made anew from the data when its file is damaged. */
export async function loadOutline(disk: Disk, content: StoredContent): Promise<Outcome<Outline>> {
  const { folder, contentId } = content;
  const stored = await readOutline(folder, contentId);
  if (stored) return done(stored);
  const rebuilt = await rebuildOutline(dataFile(folder), contentId);
  if (!rebuilt) {
    content.damage = contentDamaged(contentId, 'neither outline nor data match the id');
    return refused(content.damage);
  }
  await disk.writeFile(outlineFile(folder), encodeOutline(rebuilt));
  await disk.syncFolder(folder);
  return done(rebuilt);
}

/**
 * Bytes `from` (included) to `to` (excluded), opened when iterated. Each piece is gone when the next
 * one is asked for.
 */
export async function readRange(
  content: StoredContent,
  from: number,
  to: number,
): Promise<Outcome<AsyncIterable<Uint8Array>>> {
  const { size, folder, contentId } = content;
  const isRange = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to;
  if (!isRange || to > size) return refused(badRange(from, to, size));
  const found = await sizeOf(dataFile(folder));
  if (found === undefined) {
    content.damage = contentMissing(contentId);
    return refused(content.damage);
  }
  if (found < to) {
    content.damage = contentDamaged(contentId, `the file ends at byte ${found} of ${size}`);
    return refused(content.damage);
  }
  return done(pieces(dataFile(folder), from, to));
}

async function* pieces(path: string, from: number, to: number): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(Math.min(READ_BYTES, to - from));
    for (let at = from; at < to; ) {
      const piece = await readInto(file, at, buffer.subarray(0, to - at));
      if (piece.length === 0) throw new Error(`${path} became shorter while it was read.`);
      at += piece.length;
      yield piece;
    }
  } finally {
    await file.close();
  }
}

/**
 * Proofs of the leaves, in the order asked. Every group is read once and must match the outline
 * before anything of it is handed out, so damage gives a refusal, never a proof that fails.
 */
export async function proveLeaves(
  disk: Disk,
  content: StoredContent,
  leafIndices: readonly number[],
): Promise<Outcome<readonly AuditProof[]>> {
  if (leafIndices.length > MAX_SAMPLES) {
    return refused(badLeaf(`At most ${MAX_SAMPLES} leaves are proven at once.`));
  }
  const outline = await loadOutline(disk, content);
  if (!outline.ok) return outline;
  const leaves = leafCount(outline.value.size);
  const stray = leafIndices.find((leaf) => !Number.isInteger(leaf) || leaf < 0 || leaf >= leaves);
  if (stray !== undefined) return refused(badLeaf(`There is no leaf ${stray} among ${leaves}.`));
  let file: FileHandle;
  try {
    file = await open(dataFile(content.folder), 'r');
  } catch (error) {
    if (!isMissing(error)) throw error;
    content.damage = contentMissing(content.contentId);
    return refused(content.damage);
  }
  try {
    return await proveFrom(file, outline.value, content, leafIndices);
  } finally {
    await file.close();
  }
}

async function proveFrom(
  file: FileHandle,
  outline: Outline,
  content: StoredContent,
  leafIndices: readonly number[],
): Promise<Outcome<readonly AuditProof[]>> {
  const prove = createProver(outline);
  const proofs = new Map<number, AuditProof>();
  const buffer = new Uint8Array(Math.min(GROUP_BYTES, outline.size));
  for (const [groupIndex, asked] of byGroup(leafIndices)) {
    const group = await readGroup(file, outline, groupIndex, buffer);
    const proven = typeof group === 'string' ? undefined : prove(groupIndex, group, asked);
    if (!proven) {
      const found = typeof group === 'string' ? group : 'the bytes on disk are not those stored';
      content.damage = leafDamaged(asked[0]!, groupIndex, found);
      return refused(content.damage);
    }
    for (const proof of proven) proofs.set(proof.leafIndex, proof);
  }
  return done(leafIndices.map((leaf) => proofs.get(leaf)!));
}

/** The group's bytes, or in words what was found in their place. */
async function readGroup(
  file: FileHandle,
  outline: Outline,
  groupIndex: number,
  buffer: Uint8Array,
): Promise<Uint8Array | string> {
  const at = groupIndex * GROUP_BYTES;
  const expected = groupLength(outline.size, groupIndex);
  try {
    const group = await readInto(file, at, buffer.subarray(0, expected));
    if (group.length === expected) return group;
    return `the file ends at byte ${at + group.length} of ${outline.size}`;
  } catch (error) {
    // A disk that cannot read a sector is a loss like any other, and the audit's to report.
    return `reading failed with ${(error as NodeJS.ErrnoException).code ?? 'an unknown error'}`;
  }
}

function byGroup(leafIndices: readonly number[]): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const leaf of leafIndices) {
    const index = Math.floor(leaf / GROUP_LEAVES);
    const group = groups.get(index);
    if (group) group.push(leaf);
    else groups.set(index, [leaf]);
  }
  return groups;
}

/** Size of a file; undefined when it is not there. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
