/** Begins an upload: checks what it claims to be, promises it room, and makes its folder. */
import { type Outline, openOutline } from '@palisade/core';
import type { StoredContent } from './contents.ts';
import {
  dataFile,
  encodeOutline,
  type HexId,
  hexId,
  jobFile,
  jobsFolder,
  outlineFile,
} from './folders.ts';
import { badOutline, done, type Outcome, refused, tooManyUploads } from './outcome.ts';
import { footprint } from './space.ts';
import { addJob, progressOf, type StoreState, type UploadProgress } from './state.ts';
import { Upload } from './upload.ts';

/** What a client says when it begins: id, size and outline belong together, or it is refused. */
export type UploadRequest = {
  readonly contentId: Uint8Array;
  readonly size: number;
  /** Group roots, 32 bytes per MiB. */
  readonly roots: Uint8Array;
  readonly jobId: Uint8Array;
};

const DEFAULT_OPEN_UPLOADS = 64;

/** Runs under the lock of the content id. */
export async function beginUpload(
  state: StoreState,
  request: UploadRequest,
): Promise<Outcome<UploadProgress>> {
  const { contentId, size, roots, jobId } = request;
  const outline = openOutline(contentId, size, roots);
  if (!outline) return refused(badOutline());
  const id = hexId(contentId);
  const stored = state.contents.get(id);
  if (stored && !stored.damage) {
    await addJob(state.disk, stored, jobId);
    return done({ received: size, size, stored: true });
  }
  const open = state.uploads.get(id);
  const upload = open ? done(open) : await createUpload(state, contentId, outline, stored);
  if (!upload.ok) return upload;
  await addJob(state.disk, upload.value, jobId);
  await upload.value.ready();
  return done(progressOf(upload.value));
}

async function createUpload(
  state: StoreState,
  contentId: Uint8Array,
  outline: Outline,
  damaged: StoredContent | undefined,
): Promise<Outcome<Upload>> {
  const { uploads, beginning, space, options } = state;
  const limit = options.maxOpenUploads ?? DEFAULT_OPEN_UPLOADS;
  if (uploads.size + beginning.size >= limit) return refused(tooManyUploads(limit));
  const id = hexId(contentId);
  const bytes = footprint(outline.size);
  beginning.set(id, 0);
  try {
    const free = await space.refresh();
    const noRoom = space.promise(bytes, free, unwrittenBytes(state));
    if (noRoom) return refused(noRoom);
    beginning.set(id, bytes);
    const upload = await makeFolder(state, contentId, outline, damaged?.jobs ?? []);
    uploads.set(id, upload);
    return done(upload);
  } catch (error) {
    if (beginning.get(id) === bytes) space.giveBack(bytes);
    throw error;
  } finally {
    beginning.delete(id);
  }
}

async function makeFolder(
  { disk, folders, space, options }: StoreState,
  contentId: Uint8Array,
  outline: Outline,
  jobs: Iterable<HexId>,
): Promise<Upload> {
  const folder = folders.upload(hexId(contentId));
  await disk.makeFolder(jobsFolder(folder));
  await disk.writeFile(dataFile(folder));
  for (const job of jobs) await disk.writeFile(jobFile(folder, job));
  // The outline last: with it, the folder is an upload.
  await disk.writeFile(outlineFile(folder), encodeOutline(outline));
  for (const changed of [jobsFolder(folder), folder, folders.uploads]) {
    await disk.syncFolder(changed);
  }
  const upload = new Upload(contentId, outline, folder, { disk, space, clock: options.clock });
  for (const job of jobs) upload.jobs.add(job);
  return upload;
}

/** Free space that earlier promises have still to fill. */
function unwrittenBytes({ uploads, beginning }: StoreState): number {
  let bytes = 0;
  for (const upload of uploads.values()) bytes += upload.outline.size - upload.received;
  for (const promised of beginning.values()) bytes += promised;
  return bytes;
}
