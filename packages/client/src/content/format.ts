/**
 * The file format of what clients store (spec/content.md, "Sealed files").
 *
 *   header   0..3   magic "PLSD"
 *            4      version, 1
 *            5      mode: 0 plain, 1 sealed with AES-256-GCM
 *            6      log2 of the segment size (0 in plain mode)
 *            7      0
 *            8..39  salt, random for every file         } sealed mode only
 *            40..71 key check, derived with the keys    }
 *   body     1 KiB manifest block, then the bytes of the file; in sealed mode cut into segments,
 *            each followed by its 16-byte tag
 *
 * A segment's nonce is seven zero bytes, its number (u32 big-endian) and 1 for the last segment,
 * 0 before: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015), by which segments
 * cannot be dropped, repeated, moved or cut off unnoticed. Keys are fresh for every file because
 * the salt is, so counting is safe. The first eight bytes go into the key derivation: changing
 * them changes the key.
 */
import { MAX_CONTENT_BYTES, type PalisadeError } from '@palisade/core';
import { type FormatError, formatError } from './errors.ts';

/** Magic, version, mode, segment size, zero. */
export const PREFIX_BYTES = 8;
export const SALT_BYTES = 32;
export const KEY_CHECK_BYTES = 32;
export const SEALED_HEADER_BYTES = PREFIX_BYTES + SALT_BYTES + KEY_CHECK_BYTES;
export const TAG_BYTES = 16;

/**
 * Room for the manifest. Constant, so that the stored size tells nothing about a name's length, and
 * smaller than any segment, so that the first segment holds all of it.
 */
export const MANIFEST_BLOCK_BYTES = 1024;

/**
 * 256 KiB: measured through WebCrypto, segments of 64 KiB reach 290 MB/s, of 256 KiB 890, of 1 MiB
 * 1200; the step from 64 to 256 pays, the next costs four times the memory.
 */
export const SEGMENT_LOG2 = 18;
/** 16 KiB to 1 MiB are read: a reader holds two segments, whatever a header claims. */
const MIN_SEGMENT_LOG2 = 14;
const MAX_SEGMENT_LOG2 = 20;

const MAGIC = [0x50, 0x4c, 0x53, 0x44] as const;
const VERSION = 1;

export type Mode = 'plain' | 'sealed';

/** First eight bytes of a content. */
export function encodePrefix(mode: Mode, segmentLog2: number): Uint8Array<ArrayBuffer> {
  const isSealed = mode === 'sealed';
  return Uint8Array.of(...MAGIC, VERSION, isSealed ? 1 : 0, isSealed ? segmentLog2 : 0, 0);
}

/**
 * Reads the first eight bytes.
 * @throws PalisadeError `content/not-a-file`, `content/unknown-version`
 */
export function decodePrefix(bytes: Uint8Array): { mode: Mode; segmentBytes: number } {
  if (bytes.length < PREFIX_BYTES || MAGIC.some((byte, at) => bytes[at] !== byte)) {
    throw notAFile('it does not begin with the mark of one');
  }
  const [version, mode, log2, zero] = bytes.subarray(MAGIC.length);
  if (version !== VERSION) {
    throw formatError(
      'content/unknown-version',
      `This file has format version ${version}; only version ${VERSION} is known here.`,
      { next: 'Read it with a newer release.' },
    );
  }
  if (zero !== 0) throw notAFile('a reserved byte is set');
  if (mode === 0 && log2 === 0) return { mode: 'plain', segmentBytes: 0 };
  if (mode === 1 && log2! >= MIN_SEGMENT_LOG2 && log2! <= MAX_SEGMENT_LOG2) {
    return { mode: 'sealed', segmentBytes: 2 ** log2! };
  }
  throw notAFile('its mode or segment size is unknown');
}

function notAFile(why: string): PalisadeError & FormatError {
  return formatError('content/not-a-file', `These bytes are not a stored file: ${why}.`, {
    next: 'Check the content id; raw content can be read without this format.',
  });
}

/**
 * Stored bytes of a sealed file of `plainSize` bytes, whatever its name.
 * @throws PalisadeError `content/too-large` when the result would exceed the largest content
 */
export function sealedSize(plainSize: number): number {
  const body = MANIFEST_BLOCK_BYTES + checkSize(plainSize);
  const segments = Math.ceil(body / 2 ** SEGMENT_LOG2);
  return checkSize(SEALED_HEADER_BYTES + body + segments * TAG_BYTES);
}

/**
 * Stored bytes of a plain file of `plainSize` bytes.
 * @throws PalisadeError `content/too-large`
 */
export function plainFileSize(plainSize: number): number {
  return checkSize(PREFIX_BYTES + MANIFEST_BLOCK_BYTES + checkSize(plainSize));
}

function checkSize(size: number): number {
  if (Number.isInteger(size) && size >= 0 && size <= MAX_CONTENT_BYTES) return size;
  throw formatError(
    'content/too-large',
    `${size} bytes cannot be one content: the most is ${MAX_CONTENT_BYTES} bytes, format included.`,
    { next: 'Store it in several parts.' },
  );
}
