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

/** Bytes that can be read again from anywhere. */
export type Spool = {
  readonly size: number;
  /** The bytes from `from` to before `to`. */
  read(from: number, to: number): AsyncIterable<Uint8Array>;
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
  const described = await describeStream(spool.read(0, spool.size));
  return { ...described, spool, contentKey: sealing?.contentKey };
}

/** A spool in memory, for small files and for pages that have no disk. */
export const memorySpool: SpoolWriter = async (content) => {
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  const all = concat(...parts);
  return {
    size: all.length,
    async *read(from, to) {
      yield all.subarray(from, to);
    },
  };
};

/**
 * Bytes `from` to `to` of a spool in one piece, put into `buffer`. The buffer is the caller's, to be
 * used again: megabytes that are thrown away piece by piece stay in memory until they are collected.
 */
export async function readPiece(
  spool: Spool,
  from: number,
  to: number,
  buffer: Uint8Array,
): Promise<Uint8Array> {
  let filled = 0;
  for await (const part of spool.read(from, to)) {
    buffer.set(part, filled);
    filled += part.length;
  }
  return buffer.subarray(0, filled);
}
