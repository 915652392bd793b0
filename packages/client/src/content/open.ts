/** Opening: from stored content back to a manifest and the bytes of the file. */
import { ByteReader } from './byte-reader.ts';
import { formatError } from './errors.ts';
import {
  decodePrefix,
  KEY_CHECK_BYTES,
  MANIFEST_BLOCK_BYTES,
  PREFIX_BYTES,
  SALT_BYTES,
  SEALED_HEADER_BYTES,
} from './format.ts';
import { checkKey, deriveFileKeys, type FileKey } from './keys.ts';
import { decodeManifest, type Manifest } from './manifest.ts';
import { plainSegments, type ReadFrom, type Segments, sealedSegments } from './segments.ts';

/** An opened file. */
export type OpenedFile = {
  readonly manifest: Manifest;
  /** Opens this one file; undefined for a plain one, which needs no key. */
  readonly contentKey: Uint8Array | undefined;
  /**
   * The file's bytes from where they were asked for; to be iterated once. What comes out of a sealed
   * file is authentic, but only the normal end says that nothing was cut off: on a throw
   * (`content/damaged`, `content/size-mismatch`) continue from where it stopped, or drop the part.
   * Bytes of a plain file are as good as the check of the groups that they came from.
   */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Lets go of the content when the bytes are not wanted after all. */
  close(): Promise<void>;
};

/**
 * Opens a stored file from its beginning.
 * @throws PalisadeError `content/not-a-file`, `content/unknown-version`, `content/key-needed`,
 * `content/wrong-key`, `content/bad-key`, `content/bad-manifest`, `content/damaged`
 *
 * @example
 * const { manifest, bytes } = await open(verifiedGroups, { ownerSecret });
 * for await (const chunk of bytes) await file.write(chunk);
 */
export function open(content: AsyncIterable<Uint8Array>, key?: FileKey): Promise<OpenedFile> {
  return openFrom(() => content, key, 0);
}

/**
 * Opens a stored file at byte `from` of the *file*, to continue a download: reads header and
 * manifest, then asks for the content from the segment that holds that byte.
 * @throws PalisadeError as `open`; `content/size-mismatch` when `from` lies beyond the end
 */
export async function openFrom(
  readFrom: ReadFrom,
  key: FileKey | undefined,
  from: number,
): Promise<OpenedFile> {
  const head = await openHead(readFrom, key);
  const { segments, contentKey } = head;
  try {
    const first = await segments.next();
    const manifest = decodeManifest(first.subarray(0, MANIFEST_BLOCK_BYTES));
    if (!Number.isInteger(from) || from < 0 || from > manifest.size) {
      throw sizeMismatch(`it was to be read from byte ${from}`, manifest);
    }
    // The last byte is where a read from the very end starts, so that the end is still checked.
    const bodyBytes = MANIFEST_BLOCK_BYTES + manifest.size;
    const position = MANIFEST_BLOCK_BYTES + from;
    const index = Math.floor(Math.min(position, bodyBytes - 1) / segments.segmentBytes);
    const segment = index === 0 ? first : await segments.seek(index);
    const rest = segment.subarray(position - index * segments.segmentBytes);
    const bytes = fileBytes(manifest, segments, rest, from);
    return { manifest, contentKey, bytes, close: () => segments.close() };
  } catch (error) {
    await segments.close();
    throw error;
  }
}

async function openHead(
  readFrom: ReadFrom,
  key: FileKey | undefined,
): Promise<{ segments: Segments; contentKey: Uint8Array | undefined }> {
  const reader = new ByteReader(readFrom(0));
  try {
    const prefix = await reader.read(PREFIX_BYTES);
    const { mode, segmentBytes } = decodePrefix(prefix);
    if (mode === 'plain') {
      return { segments: plainSegments(reader, readFrom), contentKey: undefined };
    }
    if (!key) {
      throw formatError('content/key-needed', 'This file is sealed and no key was given.', {
        next: 'Use the account that stored it, or a share string.',
      });
    }
    const salt = await reader.read(SALT_BYTES);
    const keyCheck = await reader.read(KEY_CHECK_BYTES);
    if (keyCheck.length < KEY_CHECK_BYTES) {
      throw formatError('content/not-a-file', 'This file ends within its header.', {
        data: { headerBytes: SEALED_HEADER_BYTES },
      });
    }
    const keys = await deriveFileKeys(key, salt, prefix);
    checkKey(keys, keyCheck);
    const segments = sealedSegments(reader, readFrom, keys.aes, segmentBytes);
    return { segments, contentKey: keys.contentKey };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function* fileBytes(
  manifest: Manifest,
  segments: Segments,
  rest: Uint8Array,
  from: number,
): AsyncGenerator<Uint8Array> {
  let position = from;
  let piece = rest;
  try {
    for (;;) {
      position += piece.length;
      if (position > manifest.size) throw sizeMismatch('more follows', manifest);
      if (piece.length > 0) yield piece;
      if (segments.atEnd()) break;
      piece = await segments.next();
    }
  } finally {
    await segments.close();
  }
  if (position !== manifest.size) throw sizeMismatch(`it ends at byte ${position}`, manifest);
}

function sizeMismatch(what: string, manifest: Manifest) {
  return formatError(
    'content/size-mismatch',
    `'${manifest.name}' has ${manifest.size} bytes by its manifest, but ${what}.`,
    { data: { size: manifest.size } },
  );
}
