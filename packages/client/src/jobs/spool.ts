/**
 * The sealed form of a file, kept at hand while partners receive it: several read it at once, each
 * from where it stands, and again after a crash. Where it is kept is the caller's matter.
 */
import { type ContentDescription, concat } from '@palisade/core';
import {
  describeStream,
  type FileKey,
  type Manifest,
  prepareSealing,
  writePlain,
} from '../content/index.ts';

/**
 * Bytes that can be read again from anywhere. They go into a buffer of the reader, to be used again:
 * megabytes that are thrown away piece by piece stay in memory until they are collected.
 */
export type Spool = {
  readonly size: number;
  /** Fills `buffer` with the bytes from `from` on. @throws when there are not as many */
  read(from: number, buffer: Uint8Array): Promise<void>;
};

/** Keeps a stream; resolves when all of it is kept. */
export type SpoolWriter = (content: AsyncIterable<Uint8Array>) => Promise<Spool>;

/** Content ready to be stored: its bytes, its name, and the key that opens it. */
export type Spooled = ContentDescription & {
  readonly spool: Spool;
  /** Opens this one file; undefined when it was stored plain. */
  readonly contentKey: Uint8Array | undefined;
};

/**
 * Seals a file, or writes it plain without a key, into a spool and names it.
 * @throws PalisadeError as `prepareSealing` and `writePlain`
 */
export async function spoolFile(
  source: AsyncIterable<Uint8Array>,
  manifest: Manifest,
  key: FileKey | undefined,
  write: SpoolWriter,
): Promise<Spooled> {
  const sealing = key && (await prepareSealing(manifest, key));
  const spool = await write(sealing ? sealing.seal(source) : writePlain(source, manifest));
  const described = await describeSpool(spool);
  return { ...described, spool, contentKey: sealing?.contentKey };
}

/** What is read at a time to describe a spool: one call for each MiB. */
const READ_BYTES = 2 ** 20;

/** Id and outline of what a spool holds. */
export function describeSpool(spool: Spool): Promise<ContentDescription> {
  return describeStream(piecesOf(spool));
}

/** All of a spool; each piece is gone when the next one is asked for. */
async function* piecesOf(spool: Spool): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(READ_BYTES, spool.size));
  for (let at = 0; at < spool.size; at += buffer.length) {
    const piece = buffer.subarray(0, spool.size - at);
    await spool.read(at, piece);
    yield piece;
  }
}

/** A spool in memory, for small files and for pages that have no disk. */
export const memorySpool: SpoolWriter = async (content) => {
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  const all = concat(...parts);
  return {
    size: all.length,
    async read(from, buffer) {
      buffer.set(all.subarray(from, from + buffer.length));
    },
  };
};
