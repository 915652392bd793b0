/**
 * Where the store keeps things:
 *
 *   uploads/<id>/             a content on its way in
 *   contents/<aa>/<id>/       a content that is whole (aa: first two digits of the id)
 *     outline                 size (u64 big-endian) and group roots; checked against the id when read
 *     data                    the bytes
 *     jobs/<job id>           an empty file for every job that needs the content
 *   trash/                    on its way out; emptied at start
 *
 * A content becomes whole by the rename of its folder and ceases to be by another: there is no
 * index that could disagree with the files.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { concat, type Outline, openOutline, readU64be, toHex, u64be } from '@palisade/core';
import { isMissing } from './disk.ts';

/** Content ids and job ids as file names: 64 hex digits. */
export type HexId = string;

const HEX_ID = /^[0-9a-f]{64}$/;
const SIZE_BYTES = 8;

export function isHexId(name: string): boolean {
  return HEX_ID.test(name);
}

export function hexId(id: Uint8Array): HexId {
  return toHex(id).slice(2);
}

export type Folders = ReturnType<typeof createFolders>;

export function createFolders(directory: string) {
  const uploads = join(directory, 'uploads');
  const contents = join(directory, 'contents');
  const trash = join(directory, 'trash');
  return {
    uploads,
    contents,
    trash,
    upload: (id: HexId) => join(uploads, id),
    shelf: (id: HexId) => join(contents, id.slice(0, 2)),
    content: (id: HexId) => join(contents, id.slice(0, 2), id),
  };
}

export const dataFile = (folder: string) => join(folder, 'data');
export const outlineFile = (folder: string) => join(folder, 'outline');
export const jobsFolder = (folder: string) => join(folder, 'jobs');
export const jobFile = (folder: string, job: HexId) => join(folder, 'jobs', job);

/** Names in a folder that are ids; whatever else lies there is not ours. Empty when there is none. */
export async function idsIn(folder: string): Promise<HexId[]> {
  return (await namesIn(folder)).filter(isHexId);
}

export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Bytes of an outline file. */
export function encodeOutline({ size, roots }: Outline): Uint8Array {
  return concat(u64be(BigInt(size)), roots);
}

/** The outline in a folder, if it is there and belongs to the id. */
export async function readOutline(folder: string, id: Uint8Array): Promise<Outline | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await readFile(outlineFile(folder)));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  if (bytes.length < SIZE_BYTES) return undefined;
  return openOutline(id, Number(readU64be(bytes)), bytes.slice(SIZE_BYTES));
}
