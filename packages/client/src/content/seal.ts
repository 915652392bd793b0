/** Sealing: a manifest and a stream of bytes become the content that a partner stores. */
import { concat } from '@palisade/core';
import { ByteReader } from './byte-reader.ts';
import { formatError } from './errors.ts';
import { encodePrefix, plainFileSize, SALT_BYTES, SEGMENT_LOG2, sealedSize } from './format.ts';
import { deriveFileKeys, type FileKey, type FileKeys, subtle } from './keys.ts';
import { encodeManifest, type Manifest } from './manifest.ts';
import { segmentNonce } from './nonce.ts';

/** A file about to be sealed: its keys are fixed, so that it can be read once to name it and once to send it. */
export type Sealing = {
  /** Bytes of the stored content. */
  readonly size: number;
  /** Needed with the manifest to continue an interrupted upload; not secret. */
  readonly salt: Uint8Array;
  /** Opens this one file; what a share string carries. */
  readonly contentKey: Uint8Array;
  /**
   * The stored content. May be called again for the *same* bytes: sealing other bytes under the
   * same salt would give the key away to whoever sees both, so whatever leaves the machine on a
   * second pass goes through `checkedGroups` with the outline of the first.
   */
  seal(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
};

/**
 * Fixes the keys of a file. Without a salt a fresh one is drawn; giving one is only for continuing
 * an upload that was begun with it.
 * @throws PalisadeError `content/bad-manifest`, `content/bad-key`, `content/too-large`, `content/no-webcrypto`
 */
export async function prepareSealing(
  manifest: Manifest,
  key: FileKey,
  salt: Uint8Array = globalThis.crypto.getRandomValues(new Uint8Array(SALT_BYTES)),
): Promise<Sealing> {
  if (salt.length !== SALT_BYTES) {
    throw formatError('content/bad-key', `A salt has ${SALT_BYTES} bytes, not ${salt.length}.`);
  }
  const block = encodeManifest(manifest);
  const size = sealedSize(manifest.size);
  const prefix = encodePrefix('sealed', SEGMENT_LOG2);
  const keys = await deriveFileKeys(key, salt, prefix);
  const header = concat(prefix, salt, keys.keyCheck);
  return {
    size,
    salt,
    contentKey: keys.contentKey,
    seal: (source) => sealed(header, exactly(manifest.size, block, source), keys),
  };
}

/**
 * Seals a file in one pass under a fresh salt. Memory: two segments of 256 KiB.
 * @throws PalisadeError as `prepareSealing`; `content/size-mismatch` while streaming, before the
 * last segment, when the source does not have the size that the manifest says
 *
 * @example
 * const sealed = seal(file.stream(), { name: 'plan.pdf', kind: 'file', size }, { ownerSecret });
 */
export async function* seal(
  source: AsyncIterable<Uint8Array>,
  manifest: Manifest,
  key: FileKey,
): AsyncGenerator<Uint8Array> {
  const sealing = await prepareSealing(manifest, key);
  yield* sealing.seal(source);
}

/**
 * The public variant: the same manifest and bytes, readable by everyone.
 * @throws PalisadeError `content/bad-manifest`, `content/too-large`, `content/size-mismatch`
 */
export async function* writePlain(
  source: AsyncIterable<Uint8Array>,
  manifest: Manifest,
): AsyncGenerator<Uint8Array> {
  plainFileSize(manifest.size);
  const block = encodeManifest(manifest);
  yield encodePrefix('plain', 0);
  yield* exactly(manifest.size, block, source);
}

async function* sealed(
  header: Uint8Array,
  body: AsyncIterable<Uint8Array>,
  keys: FileKeys,
): AsyncGenerator<Uint8Array> {
  yield header;
  const reader = new ByteReader(body);
  try {
    const buffer = new Uint8Array(2 ** SEGMENT_LOG2);
    for (let index = 0, isLast = false; !isLast; index++) {
      const segment = await reader.fill(buffer);
      isLast = await reader.atEnd();
      const how = { name: 'AES-GCM', iv: segmentNonce(index, isLast) };
      yield new Uint8Array(await subtle().encrypt(how, keys.aes, segment));
    }
  } finally {
    await reader.close();
  }
}

/** Manifest block and source, refusing a source of another length than announced. */
async function* exactly(
  size: number,
  block: Uint8Array,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield block;
  let seen = 0;
  for await (const chunk of source) {
    seen += chunk.length;
    if (seen > size) break;
    yield chunk;
  }
  if (seen === size) return;
  throw formatError(
    'content/size-mismatch',
    `The file was to have ${size} bytes but has ${seen > size ? 'more' : `only ${seen}`}: it changed while it was read.`,
    { next: 'Start again once nothing writes to it.', retry: 'later' },
  );
}
