/**
 * A content that comes without its outline: nothing of it can be checked before the last byte is
 * here. So it waits in a file of its own, its tree growing with it, and goes to the store when the
 * tree gives the content id. Clients that send the outline first do not come through here: their
 * bytes are checked MiB by MiB and written once.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { DescriptionBuilder, equalBytes, type Outline } from '@palisade/core';

/** Gathered before a write: one system call per MiB instead of one per packet. */
const WRITE_BYTES = 2 ** 20;

export class StagedContent {
  readonly #path: string;
  readonly #contentId: Uint8Array;
  readonly #size: number;
  readonly #file: FileHandle;
  #tree: DescriptionBuilder;
  #length: number;
  #outline: Outline | undefined;
  /** A write or sync failed: what the file holds is found out by opening it again. */
  #isBroken = false;

  private constructor(
    path: string,
    { contentId, size }: { readonly contentId: Uint8Array; readonly size: number },
    file: FileHandle,
    tree: DescriptionBuilder,
    length: number,
  ) {
    this.#path = path;
    this.#contentId = contentId;
    this.#size = size;
    this.#file = file;
    this.#tree = tree;
    this.#length = length;
  }

  /** Opens what an earlier process left, or begins; reads what is there once, for its tree. */
  static async open(
    path: string,
    content: { readonly contentId: Uint8Array; readonly size: number },
  ): Promise<StagedContent> {
    const file = await open(path, 'a+');
    try {
      const tree = new DescriptionBuilder();
      let length = 0;
      if ((await file.stat()).size <= content.size)
        for await (const chunk of createReadStream(path, { highWaterMark: WRITE_BYTES })) {
          tree.push(chunk as Uint8Array);
          length += (chunk as Uint8Array).length;
        }
      else await file.truncate(0);
      return new StagedContent(path, content, file, tree, length);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get length(): number {
    return this.#length;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** The outline, once all bytes are here and they are those of the content id. */
  get outline(): Outline | undefined {
    return this.#outline;
  }

  /**
   * Takes a stream in at the end. Durable when it returns, also where the source throws. Answers
   * whether more bytes came than the content has.
   */
  async append(source: AsyncIterable<Uint8Array>): Promise<'fits' | 'too-long'> {
    let gathered: Uint8Array[] = [];
    let held = 0;
    const flush = async () => {
      const parts = gathered;
      gathered = [];
      held = 0;
      await this.#write(parts);
    };
    try {
      for await (const chunk of source) {
        if (this.#length + held + chunk.length > this.#size) return 'too-long';
        gathered.push(chunk);
        held += chunk.length;
        if (held >= WRITE_BYTES) await flush();
      }
      return 'fits';
    } finally {
      if (held > 0) await flush();
      await this.#sync();
    }
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    try {
      const { bytesWritten } = await this.#file.writev([...parts]);
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      if (bytesWritten !== bytes) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
      for (const part of parts) this.#tree.push(part);
      this.#length += bytes;
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }

  async #sync(): Promise<void> {
    if (this.#isBroken) return;
    try {
      await this.#file.datasync();
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }

  /**
   * Checks the whole. False when the bytes are those of another content: then none of them is worth
   * keeping, and the upload begins again at 0.
   */
  async finish(): Promise<boolean> {
    if (this.#outline) return true;
    const { contentId, size, roots } = this.#tree.finish();
    if (equalBytes(contentId, this.#contentId)) {
      this.#outline = { size, roots };
      return true;
    }
    await this.#file.truncate(0);
    this.#tree = new DescriptionBuilder();
    this.#length = 0;
    return false;
  }

  read(): AsyncIterable<Uint8Array> {
    return createReadStream(this.#path, { highWaterMark: WRITE_BYTES });
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.#path, { force: true });
  }
}
