/** How a content becomes part of the store, and how it ceases to be: one rename each. */
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { StoredContent } from './contents.ts';
import { hexId } from './folders.ts';
import { done, type Outcome, refused, uploadIncomplete, uploadUnknown } from './outcome.ts';
import { footprint } from './space.ts';
import type { StoreState, UploadProgress } from './state.ts';
import { Upload } from './upload.ts';

/** Publishes an upload that is received whole. Runs under the lock of the content id. */
export async function finishUpload(
  state: StoreState,
  contentId: Uint8Array,
): Promise<Outcome<UploadProgress>> {
  const id = hexId(contentId);
  const stored = state.contents.get(id);
  const upload = state.uploads.get(id);
  if (!upload || upload.jobs.size === 0) {
    return whenClosed(state, contentId);
  }
  await upload.ready();
  const { size } = upload.outline;
  if (!upload.isComplete) return refused(uploadIncomplete(upload.received, size));
  const notSynced = await upload.sync();
  if (notSynced) return refused(notSynced);
  await upload.close();
  try {
    if (stored) await drop(state, stored);
    await publish(state, upload);
  } catch (error) {
    upload.reopen();
    throw error;
  }
  return done({ received: size, size, stored: true });
}

/** The answer where no upload is open: another client finished it, or it is gone. */
export function whenClosed(
  { contents }: StoreState,
  contentId: Uint8Array,
): Outcome<UploadProgress> {
  const stored = contents.get(hexId(contentId));
  if (!stored || stored.damage) return refused(uploadUnknown(contentId));
  return done({ received: stored.size, size: stored.size, stored: true });
}

async function publish(state: StoreState, upload: Upload): Promise<void> {
  const { disk, folders, contents, uploads } = state;
  const { contentId, jobs, outline } = upload;
  const id = hexId(contentId);
  const folder = folders.content(id);
  await disk.makeFolder(folders.shelf(id));
  await disk.rename(upload.folder, folder);
  contents.set(id, { contentId, folder, size: outline.size, jobs, damage: undefined });
  uploads.delete(id);
  for (const changed of [folders.shelf(id), folders.contents, folders.uploads]) {
    await disk.syncFolder(changed);
  }
}

/** Takes a content or an upload out of the store at once, and then off the disk. */
export async function drop(state: StoreState, holder: StoredContent | Upload): Promise<void> {
  const { disk, folders, contents, uploads, space } = state;
  const id = hexId(holder.contentId);
  const isUpload = holder instanceof Upload;
  if (isUpload) await holder.close();
  const away = join(folders.trash, `${id}.${randomUUID()}`);
  try {
    await disk.rename(holder.folder, away);
  } catch (error) {
    if (isUpload) holder.reopen();
    throw error;
  }
  if (isUpload) uploads.delete(id);
  else contents.delete(id);
  await disk.syncFolder(dirname(holder.folder));
  await disk.remove(away);
  space.giveBack(footprint(isUpload ? holder.outline.size : holder.size));
}
