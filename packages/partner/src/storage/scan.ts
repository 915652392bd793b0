/** What the folders hold when the store opens: whole contents, uploads to go on with, and leftovers. */
import { join } from 'node:path';
import { fromHex } from '@palisade/core';
import { type StoredContent, sizeOf } from './contents.ts';
import {
  dataFile,
  type Folders,
  type HexId,
  idsIn,
  isHexId,
  jobsFolder,
  namesIn,
  readOutline,
} from './folders.ts';
import { contentDamaged, contentMissing } from './outcome.ts';
import { Upload, type UploadMeans } from './upload.ts';

export async function scanContents(folders: Folders): Promise<Map<HexId, StoredContent>> {
  const found = new Map<HexId, StoredContent>();
  for (const shelf of await namesIn(folders.contents)) {
    for (const id of await idsIn(join(folders.contents, shelf))) {
      found.set(id, await readContent(folders.content(id), fromHex(id)));
    }
  }
  return found;
}

async function readContent(folder: string, contentId: Uint8Array): Promise<StoredContent> {
  const outline = await readOutline(folder, contentId);
  const onDisk = await sizeOf(dataFile(folder));
  const size = outline?.size ?? onDisk ?? 0;
  const damage =
    onDisk === undefined
      ? contentMissing(contentId)
      : onDisk === size
        ? undefined
        : contentDamaged(contentId, `the file has ${onDisk} bytes of ${size}`);
  const jobs = new Set(await idsIn(jobsFolder(folder)));
  return { contentId, folder, size, jobs, damage };
}

/** Uploads with a good outline go on; one whose beginning was interrupted is removed. */
export async function scanUploads(
  folders: Folders,
  means: UploadMeans,
): Promise<Map<HexId, Upload>> {
  const found = new Map<HexId, Upload>();
  for (const name of await namesIn(folders.uploads)) {
    const folder = join(folders.uploads, name);
    const outline = isHexId(name) ? await readOutline(folder, fromHex(name)) : undefined;
    if (!outline || (await sizeOf(dataFile(folder))) === undefined) {
      await means.disk.remove(folder);
      continue;
    }
    const upload = new Upload(fromHex(name), outline, folder, means);
    for (const job of await idsIn(jobsFolder(folder))) upload.jobs.add(job);
    found.set(name, upload);
  }
  return found;
}
