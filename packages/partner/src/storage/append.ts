/** Takes a stream into an upload: checks it group by group while the group before is being written. */
import {
  equalBytes,
  GROUP_BYTES,
  groupCount,
  groupLength,
  type Refusal,
  TreeBuilder,
} from '@palisade/core';
import { done, groupMismatch, type Outcome, refused, tooLong, wrongOffset } from './outcome.ts';
import { progressOf, type UploadProgress } from './state.ts';
import type { Upload } from './upload.ts';

const ROOT_BYTES = 32;

/** Takes a stream in from a byte offset on; undefined when the upload was closed meanwhile. */
export async function append(
  upload: Upload,
  offset: number,
  source: AsyncIterable<Uint8Array>,
): Promise<Outcome<UploadProgress> | undefined> {
  await upload.ready();
  const isBoundary = offset % GROUP_BYTES === 0 || offset === upload.outline.size;
  if (!isBoundary || offset < 0 || offset > upload.received) {
    return refused(wrongOffset(offset, upload.received));
  }
  let failure: Refusal | undefined;
  try {
    failure = await takeIn(upload, Math.ceil(offset / GROUP_BYTES), source);
  } finally {
    failure = (await upload.sync()) ?? failure;
  }
  if (failure) return refused(failure);
  return upload.isClosed ? undefined : done(progressOf(upload));
}

/**
 * Reads the stream from group `firstGroup` on until it ends or something is wrong with it. The
 * stream is asked for more only as fast as the disk takes it: at most one group is being written
 * while the next is filled, 2 MiB in all. What is left of an unfinished group is dropped.
 */
async function takeIn(
  upload: Upload,
  firstGroup: number,
  source: AsyncIterable<Uint8Array>,
): Promise<Refusal | undefined> {
  const filler = new GroupFiller(upload, firstGroup);
  let failure: Refusal | undefined;
  try {
    for await (const chunk of source) {
      failure = await filler.add(chunk);
      if (failure || upload.isClosed) break;
    }
  } finally {
    failure = (await filler.written()) ?? failure;
  }
  return failure;
}

type Write = Promise<Refusal | undefined>;

class GroupFiller {
  readonly #upload: Upload;
  #index: number;
  #group: Uint8Array<ArrayBuffer>;
  #spare = new Uint8Array(0);
  #filled = 0;
  #tree = new TreeBuilder();
  #write: Write = Promise.resolve(undefined);

  constructor(upload: Upload, firstGroup: number) {
    this.#upload = upload;
    this.#index = firstGroup;
    this.#group = new Uint8Array(Math.min(GROUP_BYTES, upload.outline.size));
  }

  async add(chunk: Uint8Array): Promise<Refusal | undefined> {
    const { size } = this.#upload.outline;
    for (let at = 0; at < chunk.length; ) {
      if (this.#index >= groupCount(size)) return tooLong(size);
      const wanted = groupLength(size, this.#index) - this.#filled;
      const part = chunk.subarray(at, at + wanted);
      this.#group.set(part, this.#filled);
      this.#tree.push(part);
      this.#filled += part.length;
      at += part.length;
      if (part.length === wanted) {
        const failure = await this.#finishGroup();
        if (failure) return failure;
      }
    }
    return undefined;
  }

  /** Waits for the group that is being written. */
  written(): Write {
    return this.#write;
  }

  async #finishGroup(): Promise<Refusal | undefined> {
    const { roots } = this.#upload.outline;
    const expected = roots.subarray(this.#index * ROOT_BYTES, (this.#index + 1) * ROOT_BYTES);
    if (!equalBytes(this.#tree.finish().root, expected)) {
      return groupMismatch(this.#index, this.#upload.received);
    }
    const failure = await this.#write;
    if (failure) return failure;
    this.#write = this.#upload.store(this.#index, this.#group.subarray(0, this.#filled));
    this.#write.catch(() => {}); // it is awaited a group later, and must not count as unheard until then
    const next = this.#spare.length === 0 ? new Uint8Array(this.#group.length) : this.#spare;
    this.#spare = this.#group;
    this.#group = next;
    this.#filled = 0;
    this.#index++;
    this.#tree = new TreeBuilder();
    return undefined;
  }
}
