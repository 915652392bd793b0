import { open } from 'node:fs/promises';
import { DescriptionBuilder, equalBytes, GROUP_BYTES, type Outline } from '@palisade/core';
import { isMissing, readInto } from './disk.ts';

/** The outline of a file, if the file is the content of that id. Reads all of it. */
export async function rebuildOutline(
  path: string,
  contentId: Uint8Array,
): Promise<Outline | undefined> {
  const file = await open(path, 'r').catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const builder = new DescriptionBuilder();
    const buffer = new Uint8Array(GROUP_BYTES);
    for (let at = 0; ; ) {
      const piece = await readInto(file, at, buffer);
      if (piece.length === 0) break;
      builder.push(piece);
      at += piece.length;
    }
    const { contentId: found, size, roots } = builder.finish();
    return equalBytes(found, contentId) ? { size, roots } : undefined;
  } finally {
    await file.close();
  }
}
